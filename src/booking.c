/*-------------------------------------------------------------------------
 *
 * booking.c
 *	  The trigger on the booking table.
 *
 * Whoever makes a claim locks the service row first; service.c says why that
 * is enough.  This file decides who makes one.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_booking);

/*
 * A row that is being moved to another partition.  An UPDATE that moves a row
 * fires the triggers of a DELETE and of an INSERT; what the row was is only
 * known in the first, and what became of it only in the second.  That it is
 * the same row shows in the command that did both.
 */
typedef struct MovedRow
{
	char	   *guard;			/* its name and booking table */
	Oid			booking_relid;
	TransactionId xid;
	CommandId	cid;
	bool		was_claim;
} MovedRow;

/*
 * Those whose INSERT has not been seen yet: mostly none, or one a guard.  The
 * list lives in the memory of the transaction that moved_rows_xid names; in
 * any other it is void.
 */
static List *moved_rows = NIL;
static TransactionId moved_rows_xid = InvalidTransactionId;

/*
 * Whether the old version of a booking already held its service for the new
 * one: the same key, active, and upcoming for at least as long.
 *
 * "Upcoming" cannot be asked of now(): ours was frozen when the transaction
 * began.  A booking that was still ahead then may be past by the clock of
 * somebody who deletes the service meanwhile, and who therefore did not count
 * it.  But if the new version is over no later than the old one, then
 * whoever could disregard the old one can disregard the new one as well.
 */
static bool
was_claim_already(Guard *guard, TupleTableSlot *oldslot,
				  TupleTableSlot *newslot)
{
	return claims_same_key(guard, oldslot, newslot) &&
		claims_is_active(guard, oldslot, &guard->columns) &&
		claims_last_instant(guard, newslot, &guard->columns) <=
		claims_last_instant(guard, oldslot, &guard->columns);
}

static bool
is_claim(Guard *guard, TupleTableSlot *slot)
{
	return claims_has_key(guard, slot) &&
		claims_is_due(guard, slot, &guard->columns);
}

/*
 * The note about a moved row, by the guard and the command that moves it.
 */
static MovedRow *
find_moved_row(Guard *guard, TransactionId xid, CommandId cid)
{
	ListCell   *lc;

	if (moved_rows_xid != GetTopTransactionIdIfAny())
		moved_rows = NIL;		/* freed with its transaction */

	foreach(lc, moved_rows)
	{
		MovedRow   *row = (MovedRow *) lfirst(lc);

		if (row->xid == xid && row->cid == cid &&
			row->booking_relid == guard->booking_relid &&
			strcmp(row->guard, guard->name) == 0)
			return row;
	}
	return NULL;
}

/*
 * Note what a row was that is moved to another partition.
 */
static void
note_moved_row(Guard *guard, TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;
	TransactionId xid;
	CommandId	cid;
	MovedRow   *row;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	xid = HeapTupleHeaderGetUpdateXid(tuple->t_data);
	cid = HeapTupleHeaderGetCmax(tuple->t_data);
	if (should_free)
		heap_freetuple(tuple);

	row = find_moved_row(guard, xid, cid);
	if (row == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopTransactionContext);

		row = palloc(sizeof(MovedRow));
		row->guard = pstrdup(guard->name);
		row->booking_relid = guard->booking_relid;
		row->xid = xid;
		row->cid = cid;
		moved_rows = lappend(moved_rows, row);
		moved_rows_xid = GetTopTransactionId();
		MemoryContextSwitchTo(old);
	}
	row->was_claim = is_claim(guard, slot);
}

/*
 * Whether an inserted row was a claim in another partition.  Forgets the note
 * about it.
 */
static bool
was_moved_claim(Guard *guard, TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;
	MovedRow   *row;
	bool		was_claim;

	if (moved_rows == NIL)
		return false;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	row = find_moved_row(guard, HeapTupleHeaderGetXmin(tuple->t_data),
						 HeapTupleHeaderGetCmin(tuple->t_data));
	if (should_free)
		heap_freetuple(tuple);
	if (row == NULL)
		return false;

	was_claim = row->was_claim;
	moved_rows = list_delete_ptr(moved_rows, row);
	pfree(row->guard);
	pfree(row);
	return was_claim;
}

/*
 * Whether the row that fired the trigger still is a claim on the same
 * service, now that it is known that there is none, or that it is retired.
 * This transaction may have changed or deleted it since: in another trigger,
 * or because ours was deferred.
 *
 * Only then does the latest version matter.  A version that was superseded
 * must be judged like any other, since the trigger for the next one relies on
 * it (was_claim_already()).  But if it is over, nothing is left that needs the
 * service: what the row became since is judged by triggers of its own.
 */
static bool
is_claim_now(Guard *guard, Relation rel, TupleTableSlot *slot)
{
	ItemPointerData tid = slot->tts_tid;
	TupleTableSlot *latest;
	TableScanDesc scan;
	Snapshot	snapshot;
	bool		result;

	if (table_tuple_satisfies_snapshot(rel, slot, SnapshotSelf))
		return true;

	CommandCounterIncrement();
	snapshot = RegisterSnapshot(GetLatestSnapshot());
	scan = table_beginscan_tid(rel, snapshot);
	table_tuple_get_latest_tid(scan, &tid);
	table_endscan(scan);

	latest = table_slot_create(rel, NULL);
	result = table_tuple_fetch_row_version(rel, &tid, snapshot, latest) &&
		is_claim(guard, latest) &&
		claims_same_key(guard, slot, latest);
	ExecDropSingleTupleTableSlot(latest);
	UnregisterSnapshot(snapshot);
	return result;
}

/*
 * Whether a deferrable foreign key on the guard's columns will check this
 * row, when it is due.  It will not if an UPDATE left the key as it was,
 * unless the row was made by this very transaction:
 * RI_FKey_fk_upd_check_required().
 */
static bool
foreign_key_will_check(Guard *guard, TupleTableSlot *oldslot,
					   TupleTableSlot *newslot)
{
	Datum		xmin;
	bool		isnull;

	if (!guard->defers)
		return false;
	if (oldslot == NULL || !claims_equal_key(guard, oldslot, newslot))
		return true;
	xmin = slot_getsysattr(oldslot, MinTransactionIdAttributeNumber, &isnull);
	return TransactionIdIsCurrentTransactionId(DatumGetTransactionId(xmin));
}

/*
 * Whether what a foreign key does is done whenever our trigger has fired.  Not
 * so if ours was set to fire in sessions that replay replicated changes too.
 */
static bool
may_rely(TriggerData *trigdata)
{
	return trigdata->tg_trigger->tgenabled == TRIGGER_FIRES_ON_ORIGIN;
}

/*
 * Whether a new booking's service is locked by the check of a foreign key: its
 * trigger fires right after ours.  If the row has been superseded by then it
 * checks the newer version instead, as we do.
 */
static bool
may_lean(Guard *guard, TriggerData *trigdata)
{
	return guard->leans && may_rely(trigdata);
}

/*
 * Whether it takes no more than a look at the row to see that there is nothing
 * to do, as there mostly is not: a new booking that a foreign key looks after;
 * an update that changes nothing of what a guard looks at, or no more than a
 * claim may.
 *
 * The guard is only peeked at, since to ask for it costs more than that.  Its
 * tables' locks and what other sessions did just now make no difference: how
 * to read a row, and what a foreign key on the booking table does, cannot
 * change while the statement that fired us has the booking table locked.
 */
static bool
needs_nothing(Guard *guard, TriggerData *trigdata)
{
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		return moved_rows == NIL && may_lean(guard, trigdata);

	return TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event) &&
		(claims_unchanged(guard, trigdata->tg_trigslot,
						  trigdata->tg_newslot) ||
		 was_claim_already(guard, trigdata->tg_trigslot,
						   trigdata->tg_newslot));
}

/*
 * booking_guard_booking
 *
 * Constraint trigger AFTER INSERT OR UPDATE FOR EACH ROW on a booking table,
 * FROM the service table; on a partitioned one also AFTER DELETE.
 *
 * AFTER, so as to judge the row as BEFORE triggers and generated columns
 * have made it; for any UPDATE, whatever columns it names.  It judges the
 * very version that fired it.
 */
Datum
booking_guard_booking(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	TupleTableSlot *oldslot;
	TupleTableSlot *newslot;
	Guard	   *guard;
	KeyValues	key;
	ServiceState state;
	bool		moved_claim;
	int			events = (1 << TRIGGER_EVENT_INSERT) |
		(1 << TRIGGER_EVENT_UPDATE);

	/* Only partitions have rows that move. */
	if (CALLED_AS_TRIGGER(fcinfo) &&
		trigdata->tg_relation->rd_rel->relispartition)
		events |= 1 << TRIGGER_EVENT_DELETE;
	report_check_trigger(fcinfo, BOOKING_FUNCTION,
						 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW,
						 events);

	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event) &&
		!claims_was_moved(trigdata->tg_trigslot))
		return PointerGetDatum(NULL);

	guard = guard_peek(trigdata->tg_trigger->tgoid);
	if (guard != NULL && needs_nothing(guard, trigdata))
		return PointerGetDatum(NULL);

	guard = guard_enforced(trigdata->tg_trigger->tgoid, BOOKING_SIDE, false);
	if (guard == NULL)
		return PointerGetDatum(NULL);

	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
	{
		note_moved_row(guard, trigdata->tg_trigslot);
		return PointerGetDatum(NULL);
	}

	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		oldslot = trigdata->tg_trigslot;
		newslot = trigdata->tg_newslot;
		moved_claim = false;
	}
	else
	{
		oldslot = NULL;
		newslot = trigdata->tg_trigslot;
		moved_claim = was_moved_claim(guard, newslot);
	}

	if (!claims_is_due(guard, newslot, &guard->columns))
		return PointerGetDatum(NULL);

	if (!claims_has_key(guard, newslot))
	{
		/*
		 * An upcoming, active booking without a service is nobody's claim,
		 * but it must not have been stripped of one: some applications set
		 * the key to NULL and then delete the service.
		 */
		if (guard->rule->keep_attached &&
			(oldslot != NULL ? is_claim(guard, oldslot) : moved_claim))
			report_detached(guard, oldslot, newslot);
		return PointerGetDatum(NULL);
	}

	if (oldslot != NULL && was_claim_already(guard, oldslot, newslot))
		return PointerGetDatum(NULL);

	if (oldslot == NULL && may_lean(guard, trigdata))
		return PointerGetDatum(NULL);

	claims_key_values(guard, newslot, &key);
	state = service_state(guard, &key, BOOKING_SIDE, true);
	if (state == SERVICE_THERE)
		return PointerGetDatum(NULL);

	if (!is_claim_now(guard, trigdata->tg_relation, newslot))
		return PointerGetDatum(NULL);

	/*
	 * There is no such service.  A deferrable foreign key will say so itself,
	 * when it is due; until then a service may be loaded after its bookings.
	 * Not so to a guard that retires: see resolve_foreign_keys().
	 */
	if (may_rely(trigdata) && foreign_key_will_check(guard, oldslot, newslot))
		return PointerGetDatum(NULL);

	if (state == SERVICE_RETIRED)
		report_service_retired(guard, newslot);
	else
		report_service_gone(guard, newslot);
	return PointerGetDatum(NULL);
}
