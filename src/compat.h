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
#include "nodes/parsenodes.h"
#include "utils/acl.h"

#if PG_VERSION_NUM < 150000
#error "booking_guard needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM < 160000
/* Since 16 declared by the server. */
extern void _PG_init(void);
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

/* Whether a subcommand of ALTER TABLE changes the values of a column. */
static inline bool
compat_changes_values(AlterTableType subtype)
{
#if PG_VERSION_NUM >= 170000
	if (subtype == AT_SetExpression)
		return true;
#endif
	return subtype == AT_AlterColumnType;
}

#endif							/* BOOKING_GUARD_COMPAT_H */
