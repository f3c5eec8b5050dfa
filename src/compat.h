/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  The differences between server versions, all in one place.
 *
 * What is here has the meaning that the newest version gives it.
 *
 *-------------------------------------------------------------------------
 */
#ifndef BOOKING_GUARD_COMPAT_H
#define BOOKING_GUARD_COMPAT_H

#include "postgres.h"

#include "access/genam.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_namespace.h"
#include "commands/trigger.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "storage/lock.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/rangetypes.h"
#include "utils/syscache.h"

#if PG_VERSION_NUM < 150000
#error "booking_guard needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM < 160000
/* Since 16 declared by the server. */
extern void _PG_init(void);
#endif

/* Gone in 18, whose own pg_noreturn stands before the declaration. */
#ifndef pg_attribute_noreturn
#define pg_attribute_noreturn() __attribute__((noreturn))
#endif

/* Up to 17 no column is. */
#ifndef ATTRIBUTE_GENERATED_VIRTUAL
#define ATTRIBUTE_GENERATED_VIRTUAL 'v'
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

/* Raise an error unless the current user owns a table. */
static inline void
compat_check_owner(Oid relid)
{
#if PG_VERSION_NUM >= 160000
	bool		is_owner = object_ownercheck(RelationRelationId, relid,
											 GetUserId());
#else
	bool		is_owner = pg_class_ownercheck(relid, GetUserId());
#endif

	if (!is_owner)
		aclcheck_error(ACLCHECK_NOT_OWNER, OBJECT_TABLE, get_rel_name(relid));
}

/* Whether this backend holds a lock on a table, of this mode or a stronger one. */
static inline bool
compat_holds_lock(Oid relid, LOCKMODE mode)
{
	LOCKTAG		tag;

	SET_LOCKTAG_RELATION(tag, MyDatabaseId, relid);
#if PG_VERSION_NUM >= 170000
	return LockHeldByMe(&tag, mode, true);
#else
	for (; mode <= MaxLockMode; mode++)
	{
		if (LockHeldByMe(&tag, mode))
			return true;
	}
	return false;
#endif
}

/* Let one trigger of a table fire again; those of its partitions stay. */
static inline void
compat_enable_trigger(Relation rel, const char *name)
{
#if PG_VERSION_NUM >= 160000
	EnableDisableTrigger(rel, name, InvalidOid, TRIGGER_FIRES_ON_ORIGIN,
						 false, false, AccessShareLock);
#else
	EnableDisableTrigger(rel, name, TRIGGER_FIRES_ON_ORIGIN, false,
						 AccessShareLock);
#endif
}

static inline IndexScanDesc
compat_index_beginscan(Relation table, Relation index, Snapshot snapshot,
					   int nkeys)
{
#if PG_VERSION_NUM >= 180000
	return index_beginscan(table, index, snapshot, NULL, nkeys, 0);
#else
	return index_beginscan(table, index, snapshot, nkeys, 0);
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

/* Make a range of its bounds; an error if they make none. */
static inline RangeType *
compat_range_serialize(TypeCacheEntry *typcache, RangeBound *lower,
					   RangeBound *upper, bool empty)
{
#if PG_VERSION_NUM >= 160000
	return range_serialize(typcache, lower, upper, empty, NULL);
#else
	return range_serialize(typcache, lower, upper, empty);
#endif
}

/* Whether a role may look up what is in a schema. */
static inline bool
compat_may_use_schema(Oid namespace_oid, Oid roleid)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(NamespaceRelationId, namespace_oid, roleid,
						   ACL_USAGE) == ACLCHECK_OK;
#else
	return pg_namespace_aclcheck(namespace_oid, roleid,
								 ACL_USAGE) == ACLCHECK_OK;
#endif
}

/*
 * Whether no row of a table has NULL in a column.  Since 18 a column is marked
 * so by a constraint that is NOT VALID too.
 */
static inline bool
compat_is_not_null(Oid relid, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 180000
	HeapTuple	constraint = findNotNullConstraintAttnum(relid, attnum);

	return HeapTupleIsValid(constraint) &&
		((Form_pg_constraint) GETSTRUCT(constraint))->convalidated;
#else
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for attribute %d of relation %u",
			 attnum, relid);
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
#endif
}

/* Whether a constraint is not NOT ENFORCED. */
static inline bool
compat_is_enforced(Form_pg_constraint constraint)
{
#if PG_VERSION_NUM >= 180000
	return constraint->conenforced;
#else
	(void) constraint;
	return true;
#endif
}


#endif							/* BOOKING_GUARD_COMPAT_H */
