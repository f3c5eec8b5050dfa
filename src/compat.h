/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between server versions, all in one place.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_COMPAT_H
#define BOOKING_GUARD_COMPAT_H

#include "postgres.h"

#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "executor/executor.h"
#include "utils/acl.h"

#if PG_VERSION_NUM < 150000
#error "booking_guard needs PostgreSQL 15 or later"
#endif

/* Run a started query to its end. */
static inline void
compat_ExecutorRun(QueryDesc *queryDesc)
{
#if PG_VERSION_NUM >= 180000
	ExecutorRun(queryDesc, ForwardScanDirection, 0);
#else
	ExecutorRun(queryDesc, ForwardScanDirection, 0, true);
#endif
}

/* 16 folded the ownership checks of all object classes into one function. */
static inline bool
compat_owns_table(Oid relid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_ownercheck(RelationRelationId, relid, roleid);
#else
	return pg_class_ownercheck(relid, roleid);
#endif
}

#endif							/* BOOKING_GUARD_COMPAT_H */
