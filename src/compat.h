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


#endif							/* BOOKING_GUARD_COMPAT_H */
