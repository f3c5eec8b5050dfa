/*-------------------------------------------------------------------------
 *
 * probe.c
 *	  Look a key up in an index without a query.
 *
 * Most services have few claims or none, and most bookings their service.
 * Either answer is one descent of an index away, and to start and end the
 * executor for it costs several times as much.  This does for a guard what the
 * server's foreign keys do for themselves since PostgreSQL 19,
 * ri_FastPathCheck().
 *
 * A probe may always say that it does not know; then a query does the same
 * work.  It knows on ordinary tables, where a B-tree with built-in operators
 * leads from the key to the rows, so that no code but the server's runs, and
 * it matters not as whom.  It takes the locks that the query would take, and
 * reads with the same snapshot: the newest, taken when the table's lock is
 * held, as query_run() says.  Only probe_find_service() reads as the caller,
 * by his snapshot and rights.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/nbtree.h"
#include "access/table.h"
#include "access/tableam.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/rls.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

/*
 * How many rows a probe looks at.  Where more than these have the key, it is
 * for the planner to say how to find the claims among them.
 */
#define MAX_ROWS	32

/* A column that an index must begin with, and what it is compared with. */
typedef struct ProbeColumn
{
	AttrNumber	attnum;
	Oid			opno;			/* column opno value */
	Oid			value_type;
	Oid			collation;
} ProbeColumn;

/* A probe that is under way. */
typedef struct ProbeScan
{
	Relation	table;
	Relation	index;
	Snapshot	snapshot;
	IndexScanDesc scan;
	TupleTableSlot *slot;
	ScanKeyData key[INDEX_MAX_KEYS];
} ProbeScan;


/*
 * Whether an index can be read now: get_relation_info() asks the same.
 */
static bool
is_usable(Relation index)
{
	Form_pg_index form = index->rd_index;

	return form->indisvalid &&
		(!form->indcheckxmin ||
		 TransactionIdPrecedes(HeapTupleHeaderGetXmin(index->rd_indextuple->t_data),
							   TransactionXmin));
}

/*
 * Make the scan key for an index column from that of the table; false if the
 * index does not have it there, or cannot compare it so.
 */
static bool
make_key(IndexProbe *probe, Relation index, int position,
		 const ProbeColumn *column)
{
	Oid			opfamily = index->rd_opfamily[position];
	Oid			function = get_opcode(column->opno);
	int			strategy;
	Oid			lefttype;
	Oid			righttype;

	if (index->rd_index->indkey.values[position] != column->attnum ||
		opfamily >= FirstNormalObjectId ||
		!OidIsValid(function) || function >= FirstNormalObjectId ||
		!op_in_opfamily(column->opno, opfamily))
		return false;

	get_op_opfamily_properties(column->opno, opfamily, false,
							   &strategy, &lefttype, &righttype);
	if (strategy != BTEqualStrategyNumber ||
		lefttype != index->rd_opcintype[position] ||
		!IsBinaryCoercible(column->value_type, righttype) ||
		(OidIsValid(index->rd_indcollation[position]) &&
		 index->rd_indcollation[position] != column->collation))
		return false;

	ScanKeyEntryInitialize(&probe->key[position], 0, position + 1, strategy,
						   righttype, index->rd_indcollation[position],
						   function, (Datum) 0);
	return true;
}

/*
 * Whether an index begins with these columns, in whatever order; makes the
 * scan keys.
 */
static bool
make_keys(IndexProbe *probe, Relation index, const ProbeColumn *columns,
		  int ncolumns)
{
	if (index->rd_rel->relam != BTREE_AM_OID ||
		index->rd_index->indnkeyatts < ncolumns)
		return false;

	/* the columns differ, so that each place has its own */
	for (int position = 0; position < ncolumns; position++)
	{
		bool		found = false;

		for (int i = 0; i < ncolumns && !found; i++)
		{
			probe->key_column[position] = i;
			probe->attnum[position] = columns[i].attnum;
			found = make_key(probe, index, position, &columns[i]);
		}
		if (!found)
			return false;
	}
	probe->nkeys = ncolumns;
	return true;
}

/*
 * Whether a table is one to probe, and its owner, as whom a query would be
 * run, may do so.
 */
static bool
may_probe(Relation table, AclMode mode)
{
	return table->rd_rel->relkind == RELKIND_RELATION &&
		compat_may_use_schema(RelationGetNamespace(table),
							  table->rd_rel->relowner) &&
		pg_class_aclcheck(RelationGetRelid(table), table->rd_rel->relowner,
						  mode) == ACLCHECK_OK;
}

/*
 * Keep a probe of an index for as long as the guard is.  The guard is
 * invalidated with its tables, and they with their indexes.
 */
static void
keep_probe(IndexProbe *probe, const IndexProbe *candidate, Relation index)
{
	*probe = *candidate;
	probe->index = RelationGetRelid(index);
}

/*
 * Whether an index goes on with the time after the key, so that the bookings
 * of a service can be read from the latest to the soonest, those without a
 * time first.  Sets the direction to do so.
 */
static bool
is_ordered_by_time(Guard *guard, IndexProbe *candidate, Relation index)
{
	int			position = guard->nkeys;
	int16		option;

	if (guard->time_kind == TIME_NONE || guard->range_type != NULL ||
		index->rd_index->indnkeyatts <= position ||
		index->rd_index->indkey.values[position] != candidate->columns.time ||
		index->rd_opfamily[position] >= FirstNormalObjectId ||
		index->rd_opcintype[position] != guard->time_type)
		return false;

	option = index->rd_indoption[position];
	if (((option & INDOPTION_DESC) != 0) !=
		((option & INDOPTION_NULLS_FIRST) != 0))
		return false;
	candidate->direction = (option & INDOPTION_DESC) != 0 ?
		ForwardScanDirection : BackwardScanDirection;
	return true;
}

/*
 * Whether an index has all rows that can be claims.
 */
static bool
has_all_claims(Guard *guard, Relation index)
{
	List	   *conditions;
	SavedUser	saved;
	bool		result;

	if (heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
		return true;

	/* To look at a predicate may call functions of the table's owner. */
	conditions = claims_query_conditions(guard);
	query_become_owner(guard->booking_relid, &saved);
	result = predicate_implied_by(RelationGetIndexPredicate(index),
								  conditions, false);
	query_restore_user(&saved);
	return result;
}

/*
 * Choose the index in which to look for claims: one that begins with the key,
 * and goes on with the time rather than not.
 */
static void
choose_claim_index(Guard *guard, IndexProbe *probe, Relation table)
{
	IndexProbe	candidate = {0};
	ProbeColumn columns[INDEX_MAX_KEYS] = {0};
	const GuardRule *rule = guard->rule;
	Oid			relid = RelationGetRelid(table);
	bool		best = false;
	ListCell   *lc;

	/* To compare statuses must not run anybody's code either. */
	if (!may_probe(table, ACL_SELECT) ||
		(rule->status_column != NULL &&
		 guard->status_eq.fn_oid >= FirstNormalObjectId))
		return;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];

		columns[i].attnum = key->booking_attnum;
		columns[i].opno = get_commutator(key->eq_opr);
		columns[i].value_type = key->service_type;
		columns[i].collation = OidIsValid(key->collation) ? key->collation :
			catalog_column_collation(relid, key->booking_attnum);
	}
	if (rule->status_column != NULL)
		candidate.columns.status = get_attnum(relid, rule->status_column);
	if (rule->inactive_column != NULL)
		candidate.columns.inactive = get_attnum(relid, rule->inactive_column);
	if (rule->time_column != NULL)
		candidate.columns.time = get_attnum(relid, rule->time_column);

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (!best && is_usable(index) &&
			make_keys(&candidate, index, columns, guard->nkeys) &&
			has_all_claims(guard, index))
		{
			candidate.by_time = is_ordered_by_time(guard, &candidate, index);
			best = candidate.by_time || guard->time_kind == TIME_NONE;
			if (best || !OidIsValid(probe->index))
				keep_probe(probe, &candidate, index);
		}
		index_close(index, NoLock);
	}
}

/*
 * Choose the index by which to find a service: the one that the key rests on.
 */
static void
choose_service_index(Guard *guard, GuardSide key_of, IndexProbe *probe,
					 Relation table)
{
	IndexProbe	candidate = {0};
	ProbeColumn columns[INDEX_MAX_KEYS] = {0};
	ListCell   *lc;

	if (!may_probe(table, ACL_SELECT) || !may_probe(table, ACL_UPDATE))
		return;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];
		bool		of_booking = key_of == BOOKING_SIDE;

		columns[i].attnum = key->service_attnum;
		columns[i].opno = of_booking ? key->eq_opr : key->service_eq_opr;
		columns[i].value_type = of_booking ?
			key->booking_type : key->service_type;
		columns[i].collation = OidIsValid(key->collation) ? key->collation :
			catalog_column_collation(guard->service_relid,
									 key->service_attnum);
	}

	foreach(lc, RelationGetIndexList(table))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		int			position[INDEX_MAX_KEYS];

		if (!OidIsValid(probe->index) && is_usable(index) &&
			resolve_index_serves_key(guard, index, position) &&
			make_keys(&candidate, index, columns, guard->nkeys))
			keep_probe(probe, &candidate, index);
		index_close(index, NoLock);
	}
}

/*
 * The probe of the service table, for a key of this side's types.
 */
static IndexProbe *
service_probe(Guard *guard, GuardSide key_of, Relation table)
{
	IndexProbe *probe = &guard->service_probe[key_of];

	if (!probe->chosen && guard->valid)
	{
		choose_service_index(guard, key_of, probe, table);
		probe->chosen = true;
	}
	return probe;
}

/*
 * Begin a probe: false if it has no index, or its guard or index are not to be
 * trusted any more.  The table is locked and stays so; that lock first, then
 * the look at what we know of its indexes, and last the snapshot: the newest, or
 * that which a statement of the caller's would have.
 */
static bool
begin_probe(Guard *guard, IndexProbe *probe, Relation table,
			const KeyValues *key, bool as_caller, ProbeScan *scan)
{
	if (!guard->valid || !OidIsValid(probe->index))
		return false;

	scan->table = table;
	scan->index = index_open(probe->index, AccessShareLock);
	if (!guard->valid || !is_usable(scan->index))
	{
		index_close(scan->index, NoLock);
		return false;
	}

	memcpy(scan->key, probe->key, probe->nkeys * sizeof(ScanKeyData));
	for (int i = 0; i < probe->nkeys; i++)
	{
		scan->key[i].sk_argument = key->value[probe->key_column[i]];
		/* what a function notes for its next call is gone with this copy */
		scan->key[i].sk_func.fn_mcxt = CurrentMemoryContext;
	}

	CommandCounterIncrement();
	scan->snapshot = RegisterSnapshot(as_caller ? GetTransactionSnapshot() :
									  GetLatestSnapshot());
	scan->slot = table_slot_create(table, NULL);
	scan->scan = compat_index_beginscan(table, scan->index, scan->snapshot,
										probe->nkeys);
	scan->scan->xs_want_itup = probe->by_time;
	index_rescan(scan->scan, scan->key, probe->nkeys, NULL, 0);
	return true;
}

static void
end_probe(ProbeScan *scan)
{
	index_endscan(scan->scan);
	ExecDropSingleTupleTableSlot(scan->slot);
	UnregisterSnapshot(scan->snapshot);
	index_close(scan->index, NoLock);
}

/*
 * Whether the booking that the scan is at, and all before it in time, are
 * over.  Times on a wall clock need not be in the order of the instants that
 * they mean, where summer time begins or ends, but a day is more than that can
 * make.  The index tells, without a visit to the table; that other sessions
 * may not see the booking makes no difference to those before it.
 */
static bool
is_long_over(Guard *guard, IndexScanDesc scan)
{
	bool		isnull;
	Datum		value = index_getattr(scan->xs_itup, guard->nkeys + 1,
									  scan->xs_itupdesc, &isnull);
	TimestampTz last = claims_last_instant_of(guard, value, isnull);
	TimestampTz bound = GetCurrentTransactionStartTimestamp();

	if (guard->time_kind != TIME_TIMESTAMPTZ)
		bound -= USECS_PER_DAY;
	return !TIMESTAMP_IS_NOEND(last) && last < bound;
}

/*
 * probe_bookings
 *
 * Hand the bookings of the service with this key to callback, but for those
 * that are over or not active, as far as the index tells.  True if that was
 * all of them; if not, a query must count them from the start.  Sees what
 * claims_count() sees.  The booking table is locked, ACCESS SHARE, since the
 * guard was got: guard_get().
 */
bool
probe_bookings(Guard *guard, const KeyValues *key, ProbeRowCallback callback,
			   void *arg)
{
	IndexProbe *probe = &guard->claim_probe;
	Relation	table;
	ProbeScan	scan;
	bool		done = false;

	table = table_open(guard->booking_relid, NoLock);
	if (!probe->chosen && guard->valid)
	{
		choose_claim_index(guard, probe, table);
		probe->chosen = true;
	}

	if (begin_probe(guard, probe, table, key, false, &scan))
	{
		ScanDirection direction = probe->by_time ?
			probe->direction : ForwardScanDirection;
		int			nrows = 0;

		while (nrows < MAX_ROWS && !done)
		{
			if (index_getnext_tid(scan.scan, direction) == NULL ||
				(probe->by_time && is_long_over(guard, scan.scan)))
				done = true;
			else if (index_fetch_heap(scan.scan, scan.slot))
			{
				callback(scan.slot, &probe->columns, arg);
				nrows++;
			}
		}
		end_probe(&scan);
	}
	table_close(table, NoLock);
	return done;
}

/*
 * Whether a row has the key that the scan was after.
 */
static bool
has_key(IndexProbe *probe, ProbeScan *scan)
{
	for (int i = 0; i < probe->nkeys; i++)
	{
		ScanKey		key = &scan->key[i];
		bool		isnull;
		Datum		value = slot_getattr(scan->slot, probe->attnum[i], &isnull);

		if (isnull ||
			!DatumGetBool(FunctionCall2Coll(&key->sk_func, key->sk_collation,
											value, key->sk_argument)))
			return false;
	}
	return true;
}

/*
 * Lock the row that the scan found FOR KEY SHARE; false if it is gone.
 * Follows ExecLockRows().
 */
static bool
lock_row(IndexProbe *probe, ProbeScan *scan)
{
	TM_FailureData failure;
	TM_Result	result;
	ItemPointerData tid = scan->slot->tts_tid;
	uint8		flags = TUPLE_LOCK_FLAG_LOCK_UPDATE_IN_PROGRESS;

	if (!IsolationUsesXactSnapshot())
		flags |= TUPLE_LOCK_FLAG_FIND_LAST_VERSION;

	result = table_tuple_lock(scan->table, &tid, scan->snapshot, scan->slot,
							  GetCurrentCommandId(true), LockTupleKeyShare,
							  LockWaitBlock, flags, &failure);
	switch (result)
	{
		case TM_Ok:
			/* A later version than the one that was found: is it still it? */
			return !failure.traversed || has_key(probe, scan);

		case TM_SelfModified:
			return false;

		case TM_Updated:
		case TM_Deleted:
			if (IsolationUsesXactSnapshot())
				report_not_serializable();
			if (result == TM_Deleted)
				return false;
			break;

		default:
			break;
	}
	elog(ERROR, "unexpected table_tuple_lock status: %u", result);
}

/*
 * probe_lock_service
 *
 * Find the service with this key and lock it FOR KEY SHARE until the
 * transaction ends, as the query of service_prepare() does.  True if that is
 * done, and *found says whether there is one, *row where.  key_of says whose
 * types the key values are of.  Leaves ROW SHARE on the service table.
 */
bool
probe_lock_service(Guard *guard, const KeyValues *key, GuardSide key_of,
				   bool *found, RowLock *row)
{
	Relation	table = table_open(guard->service_relid, RowShareLock);
	IndexProbe *probe = service_probe(guard, key_of, table);
	ProbeScan	scan;
	bool		done = begin_probe(guard, probe, table, key, false, &scan);

	if (done)
	{
		*found = index_getnext_slot(scan.scan, ForwardScanDirection,
									scan.slot) &&
			lock_row(probe, &scan);
		row->relid = RelationGetRelid(table);
		row->tid = scan.slot->tts_tid;
		end_probe(&scan);
	}
	table_close(table, NoLock);
	return done;
}

/*
 * probe_find_service
 *
 * Look for the service with this key, of the service's types, as a SELECT of
 * the caller's would.  True if that is done, and *found says whether there is
 * one; false if the caller may not read the whole table, or not all of its
 * rows.  Takes no row lock, and leaves ACCESS SHARE on the service table.
 */
bool
probe_find_service(Guard *guard, const KeyValues *key, bool *found)
{
	Oid			relid = guard->service_relid;
	Relation	table = table_open(relid, AccessShareLock);
	IndexProbe *probe = service_probe(guard, SERVICE_SIDE, table);
	ProbeScan	scan;
	bool		done;

	done = check_enable_rls(relid, InvalidOid, true) != RLS_ENABLED &&
		pg_class_aclcheck(relid, GetUserId(), ACL_SELECT) == ACLCHECK_OK &&
		compat_may_use_schema(RelationGetNamespace(table), GetUserId()) &&
		begin_probe(guard, probe, table, key, true, &scan);
	if (done)
	{
		*found = index_getnext_slot(scan.scan, ForwardScanDirection,
									scan.slot);
		end_probe(&scan);
	}
	table_close(table, NoLock);
	return done;
}
