/*-------------------------------------------------------------------------
 *
 * service.c
 *	  The triggers on the service table, and the lock on a service row.
 *
 * Why no booking is lost.  A booker makes a claim in this order: it locks
 * the service row FOR KEY SHARE (booking.c), then commits.  A deleter: it
 * holds the row FOR UPDATE (a DELETE or a key change takes that lock before
 * any AFTER trigger fires), then counts claims with the newest snapshot,
 * then commits.  The two locks conflict.  If the booker had its lock first,
 * the deleter got its own only after the booker's end, and its snapshot, taken
 * later still, sees the claim.  If the deleter was first, the booker waits
 * for its end and then finds no row, and fails.  The same holds for a booker
 * that leans on a foreign key, whose check takes the same lock.
 *
 * The lock covers key changes only because the key has a unique index (see
 * resolve_index_serves_key()); an UPDATE of other columns makes nobody wait.
 *
 * Retiring a service is such an UPDATE of another column: it holds the row
 * FOR NO KEY UPDATE, with which FOR KEY SHARE does not conflict.  So the
 * trigger that hears of it locks the new version of the row FOR UPDATE before
 * it counts.  A booker who had its lock first has it on that version too,
 * since an UPDATE hands the lockers on; we wait for its end, and then see the
 * claim.  One who comes later may still find the old version, but follows it
 * to the new one and waits there for our end.
 *
 * That it then gets its lock says only that the row is there.  The version
 * that its snapshot found is the one from before the retiring: it was not
 * changed in its key, so the server neither raises an error nor looks at the
 * new one, and a condition in the locking query would be tested on the old.
 * So a booker reads the row a second time, with a snapshot that is taken when
 * the lock is held: whoever retired the service before is seen, and nobody can
 * complete it while the lock lasts.
 *
 * The locks are no stronger than that on purpose.  A booker's FOR SHARE would
 * conflict with any UPDATE of the service, and two bookers who both go on to
 * update it would deadlock.  And only an UPDATE that retires takes FOR UPDATE;
 * others make no booker wait.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_before_delete);
PG_FUNCTION_INFO_V1(booking_guard_service);
PG_FUNCTION_INFO_V1(booking_guard_truncate);

/*
 * The last refusal of a service's DELETE, key change, retiring or TRUNCATE in
 * this backend.  safe_delete_service() turns the error into a verdict, and an
 * ErrorData has no room for a count; it takes this right after it has caught
 * the error, before anything else can run.
 */
static Refusal last_refusal;

/*
 * Where its values are, or NULL: they must outlive the subtransaction that the
 * error ends.
 */
static MemoryContext last_refusal_context = NULL;

/*
 * The last transaction in which BEFORE DELETE has left a row to the trigger
 * AFTER it, uncounted; see has_been_counted().
 */
static TransactionId left_to_after_xid = InvalidTransactionId;


static MemoryContext
refusal_context(void)
{
	if (last_refusal_context == NULL)
		last_refusal_context = AllocSetContextCreate(TopMemoryContext,
													 "booking_guard refusal",
													 ALLOCSET_SMALL_SIZES);
	return last_refusal_context;
}

/*
 * service_take_refusal
 *
 * The guard refusal that was just caught.  It lives in the current memory
 * context from now on, whatever is refused next.
 */
Refusal
service_take_refusal(void)
{
	Refusal		refusal = last_refusal;

	MemoryContextSetParent(refusal_context(), CurrentMemoryContext);
	last_refusal_context = NULL;
	service_forget_refusal();
	return refusal;
}

static void
copy_key(Guard *guard, TupleTableSlot *slot, KeyValues *key)
{
	MemoryContext old = MemoryContextSwitchTo(refusal_context());

	claims_key_values(guard, slot, key);
	for (int i = 0; i < key->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor,
											  guard->key[i].attnum - 1);

		if (!key->isnull[i])
			key->value[i] = datumCopy(key->value[i], att->attbyval,
									  att->attlen);
	}
	MemoryContextSwitchTo(old);
}

/*
 * service_forget_refusal
 *
 * Forget the last refusal, so that the next one is known to be new.
 */
void
service_forget_refusal(void)
{
	memset(&last_refusal, 0, sizeof(Refusal));
	MemoryContextReset(refusal_context());
}

/*
 * service_refuse
 *
 * Refuse to do something to a service, the row of rel in slot; or to rel, a
 * service table or a partition of one, and then slot is NULL.  An error, unless
 * the guard only warns or is overridden: then it returns.
 */
void
service_refuse(Guard *guard, RefusalKind kind, Relation rel,
			   TupleTableSlot *slot, ClaimTally *tally)
{
	service_forget_refusal();
	last_refusal.kind = kind;
	last_refusal.service_relid = guard->service_relid;
	last_refusal.name = MemoryContextStrdup(refusal_context(), guard->name);
	if (slot != NULL)
		copy_key(guard, slot, &last_refusal.key);
	last_refusal.total = tally->total;
	last_refusal.has_start = tally->has_start;
	last_refusal.start = tally->start;
	last_refusal.booking_relid = guard->booking_relid;
	report_service_refused(guard, kind, rel, slot, tally);
}

/*
 * service_is_retired
 *
 * Whether a row says that its service is retired: by the value that the guard
 * names, or else by any.  attnum is where the row has the retire_column; a
 * guard without one retires nothing.
 */
bool
service_is_retired(Guard *guard, TupleTableSlot *slot, AttrNumber attnum)
{
	Datum		value;
	bool		isnull;

	if (guard->rule->retire_column == NULL)
		return false;

	value = slot_getattr(slot, attnum, &isnull);
	if (isnull || guard->rule->retire_value == NULL)
		return !isnull;
	return DatumGetBool(FunctionCall2Coll(&guard->retire_eq,
										  guard->retire_collation,
										  value, guard->retire_value));
}

/*
 * service_note_state
 *
 * Row callback of queries whose first column is the guard's retire_column.
 * arg is a StateReading.
 */
void
service_note_state(TupleTableSlot *slot, void *arg)
{
	StateReading *reading = (StateReading *) arg;

	reading->state = service_is_retired(reading->guard, slot, 1) ?
		SERVICE_RETIRED : SERVICE_THERE;
}

/*
 * service_prepare
 *
 * Prepare the query that finds, and locks, a service by its key in a table:
 * the guard's service table or a partition of it.  key_of says whose types the
 * key values are of.  Its row says where a row that it locks FOR KEY SHARE is;
 * else it has the guard's retire_column or, if that has none, nothing of
 * interest.
 */
SPIPlanPtr
service_prepare(Guard *guard, Oid relid, GuardSide key_of, ServiceLock lock)
{
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];

	initStringInfo(&sql);
	if (lock == SERVICE_KEY_SHARE)
		appendStringInfoString(&sql, "SELECT x.tableoid, x.ctid");
	else if (guard->rule->retire_column != NULL)
		appendStringInfo(&sql, "SELECT x.%s",
						 quote_identifier(guard->rule->retire_column));
	else
		appendStringInfoString(&sql, "SELECT 1");
	query_append_relation(&sql, relid);
	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *column = &guard->key[i];
		bool		of_booking = key_of == BOOKING_SIDE;
		char	   *name = query_key_column(guard->service_relid,
											column->service_name,
											column->collation);

		argtypes[i] = of_booking ?
			column->booking_type : column->service_type;
		appendStringInfoString(&sql, i == 0 ? " WHERE " : " AND ");
		generate_operator_clause(&sql, name, column->service_type,
								 of_booking ?
								 column->eq_opr : column->service_eq_opr,
								 psprintf("$%d", i + 1), argtypes[i]);
	}
	if (lock == SERVICE_KEY_SHARE)
		appendStringInfoString(&sql, " FOR KEY SHARE OF x");
	else if (lock == SERVICE_FOR_UPDATE)
		appendStringInfoString(&sql, " FOR UPDATE OF x");
	return query_prepare(sql.data, guard->nkeys, argtypes, relid);
}

/*
 * Find the service with this key, as the service table's owner and with the
 * newest snapshot, and lock it until the transaction ends; true if there is
 * one.  callback gets the row; see service_prepare().
 *
 * FOR KEY SHARE is the server's foreign keys' own lock: see RI_FKey_check().
 * It waits for whoever deletes the row or changes its key, and FOR UPDATE for
 * whoever has locked it at all.  Under REPEATABLE READ and SERIALIZABLE it
 * raises a serialization failure if the row was changed between our snapshot,
 * which is only microseconds old, and the lock.
 */
static bool
find_row(Guard *guard, const KeyValues *key, GuardSide key_of,
		 ServiceLock lock, QueryRowCallback callback, void *arg)
{
	SPIPlanPtr *plan = &guard->service_plan[key_of][lock];

	/*
	 * Wait for the table here, if we must, and not when the plan is already
	 * being made: see partition.c.
	 */
	if (lock != SERVICE_NO_LOCK)
		LockRelationOid(guard->service_relid, RowShareLock);

	if (!query_is_ready(plan))
		*plan = service_prepare(guard, guard->service_relid, key_of, lock);
	return query_run(*plan, key, guard->service_relid, true, callback,
					 arg) > 0;
}

/*
 * Row callback of the query that locks a service FOR KEY SHARE.
 */
static void
note_locked_row(TupleTableSlot *slot, void *arg)
{
	RowLock    *row = (RowLock *) arg;
	bool		isnull;

	row->relid = DatumGetObjectId(slot_getattr(slot, 1, &isnull));
	row->tid = *(ItemPointer) DatumGetPointer(slot_getattr(slot, 2, &isnull));
}

/*
 * Find the service with this key and lock it FOR KEY SHARE until the
 * transaction ends; true if there is one.  As find_row() says, but more than
 * once if need be: see row_lock.c.
 */
static bool
lock_row(Guard *guard, const KeyValues *key, GuardSide key_of)
{
	bool		found;
	RowLock		row;

	do
	{
		if (!probe_lock_service(guard, key, key_of, &found, &row))
			found = find_row(guard, key, key_of, SERVICE_KEY_SHARE,
							 note_locked_row, &row);
	} while (found && !row_lock_keeps(&row));
	return found;
}

/*
 * service_state
 *
 * What there is of the service with this key, by the newest snapshot.  key_of
 * says whose types the key values are of.  With lock, the row is locked FOR
 * KEY SHARE until the transaction ends, so that it stays in that state, but
 * for what this transaction itself may do.
 *
 * Whether it is retired is read only when the lock is held: see above.
 */
ServiceState
service_state(Guard *guard, const KeyValues *key, GuardSide key_of,
			  bool lock)
{
	StateReading reading = {guard, SERVICE_MISSING};

	if (lock)
	{
		if (!lock_row(guard, key, key_of))
			return SERVICE_MISSING;
		if (guard->rule->retire_column == NULL)
			return SERVICE_THERE;
	}
	(void) find_row(guard, key, key_of, SERVICE_NO_LOCK, service_note_state,
					&reading);
	return reading.state;
}

/*
 * service_state_at
 *
 * The same for a booking's key, without a lock, as a snapshot has it.  Only
 * after service_state(), which prepares the query.
 */
ServiceState
service_state_at(Guard *guard, const KeyValues *key, Snapshot snapshot)
{
	StateReading reading = {guard, SERVICE_MISSING};

	(void) query_run_at(guard->service_plan[BOOKING_SIDE][SERVICE_NO_LOCK],
						key, guard->service_relid, true, snapshot,
						service_note_state, &reading);
	return reading.state;
}

/*
 * The function of the triggers that carry the rules, for one that carries none.
 * It is looked up once a query.
 */
static Oid
service_function(FmgrInfo *flinfo)
{
	Oid		   *function = (Oid *) flinfo->fn_extra;

	if (function == NULL)
	{
		function = MemoryContextAlloc(flinfo->fn_mcxt, sizeof(Oid));
		*function = catalog_function(flinfo->fn_oid, SERVICE_FUNCTION);
		flinfo->fn_extra = function;
	}
	return *function;
}

/*
 * booking_guard_before_delete
 *
 * Trigger BEFORE DELETE FOR EACH ROW on a service table: refuse early.
 *
 * The server locks the row FOR UPDATE before it fires BEFORE ROW triggers
 * (GetTupleForTrigger()), so this count is already final as far as other
 * transactions go.  What this transaction itself may still do is for
 * booking_guard_service() to see; but there the row is already marked as
 * deleted, and an error here comes before that.
 *
 * Two cases are left to that trigger altogether.  On a partition nothing is
 * known yet: a row that moves to another partition fires this trigger too.
 * And within another trigger the statement outside is not done: a tenant's
 * delete may cascade to the services first and to the bookings next, by the
 * chance of which foreign key is older.  AFTER triggers wait for all of it.
 */
Datum
booking_guard_before_delete(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	ListCell   *lc;

	report_check_trigger(fcinfo, BEFORE_DELETE_FUNCTION,
						 TRIGGER_EVENT_BEFORE | TRIGGER_EVENT_ROW,
						 1 << TRIGGER_EVENT_DELETE);

	if (trigdata->tg_relation->rd_rel->relispartition)
		return PointerGetDatum(trigdata->tg_trigtuple);

	if (DatumGetInt32(OidFunctionCall0(F_PG_TRIGGER_DEPTH)) > 1)
	{
		left_to_after_xid = GetTopTransactionId();
		return PointerGetDatum(trigdata->tg_trigtuple);
	}

	/* What follows leaves out guards that are overridden. */
	if (!enforce_is_on())
		left_to_after_xid = GetTopTransactionId();

	foreach(lc, guard_of_service(trigdata->tg_relation,
								 service_function(fcinfo->flinfo), true))
	{
		Guard	   *guard = (Guard *) lfirst(lc);
		ClaimTally	tally;
		KeyValues	key;

		/* One warning is enough: leave it to the trigger that comes last. */
		if (enforce_level(guard->rule->mode) != ERROR ||
			!claims_has_key(guard, trigdata->tg_trigslot))
			continue;
		claims_key_values(guard, trigdata->tg_trigslot, &key);
		if (claims_count(guard, &key, &tally))
			service_refuse(guard, REFUSE_DELETE, trigdata->tg_relation,
						   trigdata->tg_trigslot, &tally);
	}

	return PointerGetDatum(trigdata->tg_trigtuple);
}

/*
 * Whether BEFORE DELETE has counted the claims on the service that this DELETE
 * trigger fires for, and what it found is still so.
 *
 * It has, if the table has that trigger, it fires whenever ours does, and it has
 * left nothing to us in this transaction.  Since then the service row has been
 * locked, so that no other transaction could make a claim: not with our own
 * lock; that of a foreign key may have come in beside it (row_lock.c), and then
 * the DELETE has waited for a booker whom BEFORE DELETE could not see, so that
 * where there is one it counts for nothing: resolve_before_delete().  Nor can
 * this transaction have made one, unless it holds a lock on the booking table
 * with which one may write to it; that it would keep until its end, or until
 * the subtransaction is rolled back that wrote.
 */
static bool
has_been_counted(Guard *guard, const Trigger *trigger)
{
	return guard->before_enabled == trigger->tgenabled &&
		enforce_level(guard->rule->mode) == ERROR &&
		left_to_after_xid != GetTopTransactionIdIfAny() &&
		!compat_holds_lock(guard->booking_relid, RowExclusiveLock);
}

/*
 * Whether there are claims on this key that have no service to go on with.
 *
 * They keep their service if a row with its key is still there and is not
 * retired: it moved to another partition, was replaced in this transaction,
 * or its key was changed to an equal one.  The lock keeps that row as it is
 * until we are done.  A service that had been retired before cannot be lost by
 * being retired.
 */
static bool
is_stranding(Guard *guard, TupleTableSlot *slot, bool was_retired,
			 ClaimTally *tally, ServiceState *state)
{
	KeyValues	key;

	*state = SERVICE_THERE;
	if (!claims_has_key(guard, slot))
		return false;
	claims_key_values(guard, slot, &key);
	if (!claims_count(guard, &key, tally))
		return false;
	*state = service_state(guard, &key, SERVICE_SIDE, true);
	return *state == SERVICE_MISSING ||
		(*state == SERVICE_RETIRED && !was_retired);
}

/*
 * booking_guard_service
 *
 * Constraint trigger AFTER DELETE OR UPDATE FOR EACH ROW on a service table,
 * FROM the booking table: the guard's final verdict on a service that is
 * gone, has another key or is retired.
 *
 * It must fire before the server's own triggers of ON DELETE SET NULL or
 * CASCADE, which would strip or delete the bookings that it should find.
 */
Datum
booking_guard_service(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleTableSlot *oldslot;
	TupleTableSlot *newslot = NULL;
	bool		moves;
	bool		same_key = false;
	bool		key_changes;
	bool		was_retired;
	bool		retires = false;
	Guard	   *guard;
	ServiceState state;
	ClaimTally	tally;

	report_check_trigger(fcinfo, SERVICE_FUNCTION,
						 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW,
						 (1 << TRIGGER_EVENT_DELETE) | (1 << TRIGGER_EVENT_UPDATE));

	oldslot = trigdata->tg_trigslot;
	guard = guard_enforced(trigdata->tg_trigger->tgoid, SERVICE_SIDE, false);
	if (guard == NULL)
		return PointerGetDatum(NULL);
	if (strcmp(trigdata->tg_trigger->tgname, RI_TRIGGER_NAME_PREFIX) >= 0)
		report_sorts_late(guard, trigdata->tg_relation, trigdata->tg_trigger);

	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) &&
		has_been_counted(guard, trigdata->tg_trigger))
		return PointerGetDatum(NULL);

	was_retired = service_is_retired(guard, oldslot, guard->retire_attnum);
	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		newslot = trigdata->tg_newslot;
		same_key = claims_same_key(guard, oldslot, newslot);
		retires = !was_retired &&
			service_is_retired(guard, newslot, guard->retire_attnum);
		if (same_key && !retires)
			return PointerGetDatum(NULL);
	}

	/*
	 * The UPDATE that retires a service does not keep bookers out: do so
	 * before counting.  If the row is not to be found by this key any more,
	 * we have deleted it or changed its key meanwhile, with a lock that does.
	 */
	if (retires && claims_has_key(guard, newslot))
	{
		KeyValues	key;

		claims_key_values(guard, newslot, &key);
		(void) find_row(guard, &key, SERVICE_SIDE, SERVICE_FOR_UPDATE,
						NULL, NULL);

		/* A label may have been renamed while we waited, which locks nothing. */
		guard = guard_enforced(trigdata->tg_trigger->tgoid, SERVICE_SIDE,
							   false);
		if (guard == NULL)
			return PointerGetDatum(NULL);
	}

	if (is_stranding(guard, oldslot, was_retired, &tally, &state))
	{
		/*
		 * A foreign key may be about to carry them along to the new key, but
		 * not to a retired service.  For a row that moved to another
		 * partition it hears of the update after this trigger heard of a
		 * delete; there the bookings' own triggers see what they come to.
		 */
		moves = TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) &&
			claims_was_moved(oldslot);
		key_changes = state == SERVICE_MISSING && (newslot != NULL || moves);
		if (key_changes && !retires &&
			(moves ? guard->cascades_moves : guard->cascades))
			return PointerGetDatum(NULL);

		service_refuse(guard,
					   retires || state == SERVICE_RETIRED ? REFUSE_RETIRE :
					   key_changes ? REFUSE_KEY_CHANGE : REFUSE_DELETE,
					   trigdata->tg_relation, oldslot, &tally);
		return PointerGetDatum(NULL);
	}

	/* Bookings may have been waiting for a service with the new key. */
	if (retires && !same_key &&
		is_stranding(guard, newslot, false, &tally, &state))
		service_refuse(guard, REFUSE_RETIRE, trigdata->tg_relation, newslot,
					   &tally);

	return PointerGetDatum(NULL);
}

/*
 * booking_guard_truncate
 *
 * Trigger AFTER TRUNCATE FOR EACH STATEMENT on a service table: refuse if
 * claims are left without a service.
 *
 * TRUNCATE holds ACCESS EXCLUSIVE on the table (a partition, maybe), and every
 * booker of a service in it holds ROW SHARE on it until its end, so that all
 * of them are done and seen.  When
 * the bookings are truncated in the same statement, none are left by now.
 */
Datum
booking_guard_truncate(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	ListCell   *lc;

	report_check_trigger(fcinfo, TRUNCATE_FUNCTION,
						 TRIGGER_EVENT_AFTER, 1 << TRIGGER_EVENT_TRUNCATE);

	foreach(lc, guard_of_service(trigdata->tg_relation,
								 service_function(fcinfo->flinfo),
								 false))
	{
		Guard	   *guard = (Guard *) lfirst(lc);
		ClaimTally	tally;

		if (claims_count_orphans(guard, guard->booking_relid, &tally))
			service_refuse(guard, REFUSE_TRUNCATE, trigdata->tg_relation,
						   NULL, &tally);
	}

	return PointerGetDatum(NULL);
}
