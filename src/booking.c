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
#include "access/tableam.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_booking);

/*
 * The last claim that was deleted to be moved to another partition.  An
 * UPDATE that moves a row fires the triggers of a DELETE and of an INSERT, the
 * one right after the other; what the row was is only known in the first, and
 * what became of it only in the second.  That it is the same row shows in the
 * command that did both.
 */
static struct
{
	Oid			booking_relid;
	NameData	guard;
	TransactionId xid;
	CommandId	cid;
}			moved_claim;

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

/*
 * Whether the row that fired the trigger has been deleted since, by this
 * transaction: a deferred trigger, or one on whose way another deleted it.
 * Then nothing is left that needs a service.  A version that was merely
 * superseded must be judged all the same: the trigger for the next version
 * relies on it (was_claim_already()).
 */
static bool
was_deleted_since(Relation rel, TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;
	bool		deleted;

	if (table_tuple_satisfies_snapshot(rel, slot, SnapshotSelf))
		return false;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	deleted = ItemPointerEquals(&tuple->t_self, &tuple->t_data->t_ctid) &&
		!HeapTupleHeaderIndicatesMovedPartitions(tuple->t_data);
	if (should_free)
		heap_freetuple(tuple);
	return deleted;
}

static bool
is_claim(Guard *guard, TupleTableSlot *slot)
{
	return claims_has_key(guard, slot) &&
		claims_is_active(guard, slot, &guard->columns) &&
		claims_is_upcoming(guard, slot, &guard->columns);
}

/*
 * Remember a claim whose row moves to another partition.
 */
static void
note_moved_claim(Guard *guard, TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;

	if (!claims_was_moved(slot) || !is_claim(guard, slot))
		return;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	moved_claim.booking_relid = guard->booking_relid;
	namestrcpy(&moved_claim.guard, guard->name);
	moved_claim.xid = HeapTupleHeaderGetUpdateXid(tuple->t_data);
	moved_claim.cid = HeapTupleHeaderGetCmax(tuple->t_data);
	if (should_free)
		heap_freetuple(tuple);
}

/*
 * Whether an inserted row is that claim in its new partition.
 */
static bool
is_moved_claim(Guard *guard, TupleTableSlot *slot)
{
	HeapTuple	tuple;
	bool		should_free;
	bool		is_same;

	if (moved_claim.booking_relid != guard->booking_relid ||
		strcmp(NameStr(moved_claim.guard), guard->name) != 0)
		return false;

	tuple = ExecFetchSlotHeapTuple(slot, false, &should_free);
	is_same = HeapTupleHeaderGetXmin(tuple->t_data) == moved_claim.xid &&
		HeapTupleHeaderGetCmin(tuple->t_data) == moved_claim.cid;
	if (should_free)
		heap_freetuple(tuple);
	return is_same;
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

	report_check_trigger(fcinfo, BOOKING_FUNCTION,
						 TRIGGER_EVENT_AFTER | TRIGGER_EVENT_ROW,
						 (1 << TRIGGER_EVENT_INSERT) |
						 (1 << TRIGGER_EVENT_UPDATE) |
						 (1 << TRIGGER_EVENT_DELETE));

	guard = guard_get(trigdata->tg_trigger->tgoid, BOOKING_SIDE);

	if (TRIGGER_FIRED_BY_DELETE(trigdata->tg_event))
	{
		note_moved_claim(guard, trigdata->tg_trigslot);
		return PointerGetDatum(NULL);
	}

	if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
	{
		oldslot = trigdata->tg_trigslot;
		newslot = trigdata->tg_newslot;
	}
	else
	{
		oldslot = NULL;
		newslot = trigdata->tg_trigslot;
	}

	if (!claims_is_active(guard, newslot, &guard->columns) ||
		!claims_is_upcoming(guard, newslot, &guard->columns))
		return PointerGetDatum(NULL);

	if (!claims_has_key(guard, newslot))
	{
		/*
		 * An upcoming, active booking without a service is nobody's claim,
		 * but it must not have been stripped of one: some applications set
		 * the key to NULL and then delete the service.
		 */
		if (guard->rule->keep_attached &&
			(oldslot != NULL ? is_claim(guard, oldslot) :
			 is_moved_claim(guard, newslot)))
			report_detached(guard, trigdata->tg_relation, oldslot, newslot);
		return PointerGetDatum(NULL);
	}

	if (oldslot != NULL && was_claim_already(guard, oldslot, newslot))
		return PointerGetDatum(NULL);

	/*
	 * A new booking's service is locked by the check of a foreign key, if
	 * there is one to lean on: its trigger fires right after ours.  If the
	 * row has been superseded by then it checks the newer version instead, as
	 * we do.  In a session that replays replicated changes we only got here
	 * because our trigger was set to fire ALWAYS; the foreign key's was not.
	 */
	if (oldslot == NULL && guard->leans &&
		SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return PointerGetDatum(NULL);

	claims_key_values(guard, newslot, &key);
	if (service_exists(guard, &key, BOOKING_SIDE, true))
		return PointerGetDatum(NULL);

	if (was_deleted_since(trigdata->tg_relation, newslot))
		return PointerGetDatum(NULL);

	/*
	 * There is no such service.  A deferrable foreign key will say so itself,
	 * when it is due; until then a service may be loaded after its bookings.
	 */
	if (guard->defers &&
		SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA)
		return PointerGetDatum(NULL);

	report_service_gone(guard, trigdata->tg_relation, newslot);
}
