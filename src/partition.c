/*-------------------------------------------------------------------------
 *
 * partition.c
 *	  Partitions of guarded tables that come and go.
 *
 * A partition that is attached brings bookings that no trigger has judged; one
 * that is detached, dropped or truncated takes services away past the row
 * triggers.  ddl.c tells of the commands, the trigger on TRUNCATE of its own.
 *
 * Most commands lock the partitioned table ACCESS EXCLUSIVE, so that bookers
 * and deleters are done and seen, or wait.  The two that do not, ATTACH and
 * DETACH CONCURRENTLY, get more of a lock here; each says why.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "storage/lmgr.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/snapmgr.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

/*
 * The partition that was just attached to a table, or detached; InvalidOid if
 * there is nothing to guard.  The server does not tell its OID; but the name
 * still is what it was, and the table is locked, unless another event trigger
 * has made it the name of something else, or another session has while we
 * waited to detach concurrently.
 */
static Oid
partition_of_command(Oid relid, AlterTableCmd *cmd, Oid sibling)
{
	PartitionCmd *def = castNode(PartitionCmd, cmd->def);
	bool		attached = cmd->subtype == AT_AttachPartition;
	Oid			partition = RangeVarGetRelid(def->name, NoLock, true);
	bool		found;
	bool		guarded = false;

	found = OidIsValid(partition) &&
		get_rel_relispartition(partition) == attached &&
		(!attached || get_partition_parent(partition, false) == relid);

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		if (catalog_guard_triggers(relid, side, sibling) == NIL)
			continue;
		guarded = true;

		/*
		 * It has the guards' triggers too, unless a guard was made while it
		 * was being detached: CREATE TRIGGER passes over such a partition.
		 */
		if (cmd->subtype != AT_DetachPartitionFinalize && !def->concurrent &&
			OidIsValid(partition) &&
			catalog_guard_triggers(partition, side, sibling) == NIL)
			found = false;
	}
	if (guarded && !found)
		report_unknown_partition(relid, def->name);
	return found && (guarded || attached) ? partition : InvalidOid;
}

/*
 * Refuse to take a partition away: relid is that, or what it was part of.
 */
static void
refuse(Guard *guard, RefusalKind kind, Oid relid, ClaimTally *tally)
{
	Relation	rel = relation_open(relid, NoLock);

	service_refuse(guard, kind, rel, NULL, tally);
	relation_close(rel, NoLock);
}

/*
 * The guards' triggers (GuardTrigger *) on one side of a table and of all
 * partitions below.
 */
static List *
tree_triggers(Oid relid, GuardSide side, Oid sibling)
{
	List	   *triggers = NIL;
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		triggers = list_concat(triggers,
							   catalog_guard_triggers(lfirst_oid(lc), side,
													  sibling));
	return triggers;
}

/*
 * A table with a guard of its own becomes a partition.  booking_guard_protect()
 * takes none either: rows of its sister partitions would not be guarded, and
 * what happens to the whole would not be seen.
 */
static void
check_own_guards(Oid partition, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, tree_triggers(partition, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

			if (!OidIsValid(trigger->parent))
				report_guarded_partition(trigger, side);
		}
	}
}

/*
 * partition_created
 *
 * A partition was added to a guarded table, which has cloned its triggers to
 * it and to all partitions below: make it what a partition of services needs.
 * The caller needs the right to make triggers on it.
 */
void
partition_created(Oid partition, Oid sibling)
{
	ListCell   *lc;

	if (catalog_guard_triggers(partition, SERVICE_SIDE, sibling) == NIL)
		return;
	shared_create(partition, sibling);
	foreach(lc, find_all_inheritors(partition, NoLock, NULL))
		ddl_check_persistence(lfirst_oid(lc), sibling);
}

/*
 * The same for bookings, which may be claims that no trigger has judged.
 * (Services that come can leave no claim without one.)
 *
 * A deleter that is about to count does not see them before we commit, nor
 * waits for us on account of the bookings.  So keep deletes and key changes
 * from the services until then, and let those in flight end first, with the
 * lock that the server takes for a foreign key (CloneFkReferencing()), on the
 * partitions too, which may be written to by their own names.  It conflicts
 * with no lock of bookers.
 */
static void
attach_bookings(Oid partition, Oid sibling)
{
	ListCell   *lc;

	foreach(lc, catalog_guard_triggers(partition, BOOKING_SIDE, sibling))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		Guard	   *guard;
		ClaimTally	tally;

		LockRelationOid(trigger->from_relid, ShareRowExclusiveLock);
		(void) find_all_inheritors(trigger->from_relid, ShareRowExclusiveLock,
								   NULL);
		guard = ddl_still_enforceable(trigger, BOOKING_SIDE);
		if (guard != NULL && claims_count_orphans(guard, partition, &tally))
			report_attach_orphans(guard, partition, &tally);
	}
}

/*
 * Refuse that a partition leaves a guarded table with services in it that
 * have claims.  Its rows, and its triggers, are still there; the caller sees
 * to it that nobody makes a claim on one of them.
 */
static void
check_departure(Oid partition, Oid sibling)
{
	ListCell   *lc;

	foreach(lc, catalog_guard_triggers(partition, SERVICE_SIDE, sibling))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		Guard	   *guard = guard_enforced(trigger->oid, SERVICE_SIDE, false);
		ClaimTally	tally;

		if (guard != NULL && claims_count_in(guard, partition, &tally))
			refuse(guard, REFUSE_DETACH, partition, &tally);
	}
}

/*
 * A partition is no part of a guarded table any more.  The server drops the
 * triggers that it had cloned to it, but takes a guard's for those of a
 * foreign key, which it treats otherwise, and leaves them behind.
 * See DropClonedTriggersFromPartition(), which this follows.
 */
static void
drop_clones(Oid partition, Oid sibling)
{
	ObjectAddresses *objects = new_object_addresses();
	List	   *tree = find_all_inheritors(partition, NoLock, NULL);

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, tree_triggers(partition, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			ObjectAddress address;

			/* those of a guard that stands on the partition itself stay */
			if (list_member_oid(tree, catalog_root_trigger(trigger)->relid))
				continue;
			deleteDependencyRecordsForClass(TriggerRelationId, trigger->oid,
											TriggerRelationId,
											DEPENDENCY_PARTITION_PRI);
			deleteDependencyRecordsForClass(TriggerRelationId, trigger->oid,
											RelationRelationId,
											DEPENDENCY_PARTITION_SEC);
			ObjectAddressSet(address, TriggerRelationId, trigger->oid);
			add_exact_object_address(&address, objects);
		}
	}

	CommandCounterIncrement();
	performMultipleDeletions(objects, DROP_RESTRICT,
							 PERFORM_DELETION_INTERNAL);
	free_object_addresses(objects);
	shared_drop(partition, sibling);
}

/*
 * Lock the tables whose foreign keys reference a partition, as the server will
 * when it detaches it: ATDetachCheckNoForeignKeyRefs().  Who writes to such a
 * table has locked it before the one that it references, and so must we.
 */
static void
lock_referencing_tables(Oid partition)
{
	Relation	rel = relation_open(partition, AccessShareLock);
	TriggerDesc *trigdesc = CopyTriggerDesc(rel->trigdesc);

	relation_close(rel, NoLock);
	for (int i = 0; trigdesc != NULL && i < trigdesc->numtriggers; i++)
	{
		if (RI_FKey_trigger_type(trigdesc->triggers[i].tgfoid) == RI_TRIGGER_PK)
			LockRelationOid(trigdesc->triggers[i].tgconstrrelid, ShareLock);
	}
}

/*
 * partition_check_concurrent_detach
 *
 * Refuse to detach a partition concurrently that has services with claims.
 *
 * That must be known before the command begins.  Its first transaction makes
 * the partition disappear for all others, and commits; what its second one
 * finds comes too late.  We run in the first one.  It lets others book
 * meanwhile, so that we keep bookers out of the guarded table here, with the
 * weakest lock that does.  Who has booked is done and seen.  Whoever comes
 * later waits for that lock before it plans to read any partition (find_row()),
 * and plans with the newest snapshot (query_run()), for which this one has
 * gone.  It would not do to lock the partition: a plan that waits for that
 * already knows of it, and reads it in the end.
 */
void
partition_check_concurrent_detach(RangeVar *relation, RangeVar *name,
								  Oid sibling)
{
	Oid			relid;
	Oid			partition;
	List	   *ancestors;

	/* The lock that the command takes itself, by whom it lets take it. */
	relid = RangeVarGetRelidExtended(relation, ShareUpdateExclusiveLock,
									 RVR_MISSING_OK,
									 RangeVarCallbackOwnsRelation, NULL);
	if (!OidIsValid(relid) ||
		catalog_guard_triggers(relid, SERVICE_SIDE, sibling) == NIL)
		return;
	partition = RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(partition))
		return;					/* the command will say so itself */
	ancestors = get_partition_ancestors(partition);
	if (ancestors == NIL || linitial_oid(ancestors) != relid)
		return;					/* likewise, also if it is being detached */

	lock_referencing_tables(partition);
	LockRelationOid(llast_oid(ancestors), ExclusiveLock);
	check_departure(partition, sibling);
}

/*
 * partition_attached
 *
 * ALTER TABLE ... ATTACH PARTITION was run on a table.
 */
void
partition_attached(Oid relid, AlterTableCmd *cmd, Oid sibling)
{
	Oid			partition = partition_of_command(relid, cmd, sibling);

	if (!OidIsValid(partition))
		return;
	check_own_guards(partition, sibling);
	partition_created(partition, sibling);
	attach_bookings(partition, sibling);
}

/*
 * partition_detached
 *
 * ALTER TABLE ... DETACH PARTITION [CONCURRENTLY | FINALIZE] was run on a
 * table; see partition_check_concurrent_detach() for what was checked before.
 */
void
partition_detached(Oid relid, AlterTableCmd *cmd, Oid sibling)
{
	Oid			partition = partition_of_command(relid, cmd, sibling);

	if (!OidIsValid(partition))
		return;
	if (cmd->subtype == AT_DetachPartition &&
		!castNode(PartitionCmd, cmd->def)->concurrent)
		check_departure(partition, sibling);
	drop_clones(partition, sibling);
}

/*
 * What a table that this transaction has dropped was a partition of; also what
 * this transaction had detached it from before.  The catalog does not show the
 * rows that say so any more, but they are there until we commit.
 */
static List *
former_parents(Oid relid)
{
	Relation	pg_inherits = table_open(InheritsRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	List	   *parents = NIL;

	ScanKeyInit(&key, Anum_pg_inherits_inhrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(pg_inherits, InheritsRelidSeqnoIndexId, true,
							  SnapshotAny, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		if ((tuple->t_data->t_infomask & HEAP_XMAX_INVALID) == 0 &&
			TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetUpdateXid(tuple->t_data)))
		{
			Form_pg_inherits form = (Form_pg_inherits) GETSTRUCT(tuple);

			parents = lappend_oid(parents, form->inhparent);
		}
	}
	systable_endscan(scan);
	table_close(pg_inherits, AccessShareLock);
	return parents;
}

/*
 * partitions_dropped
 *
 * Some tables were dropped.  If a guarded one is left that has lost a
 * partition with them, refuse if claims have lost their service.
 *
 * The command holds ACCESS EXCLUSIVE on what that was a partition of.  Every
 * booker holds ROW SHARE on the whole table and on the partitions in its plan
 * until its end.
 */
void
partitions_dropped(List *relids, Oid sibling)
{
	List	   *parents = NIL;
	List	   *judged = NIL;
	ListCell   *lc;
	ListCell   *lc2;

	foreach(lc, relids)
		parents = list_concat_unique_oid(parents,
										 former_parents(lfirst_oid(lc)));
	foreach(lc, parents)
	{
		foreach(lc2, catalog_guard_triggers(lfirst_oid(lc), SERVICE_SIDE,
											sibling))
		{
			const GuardTrigger *trigger =
				catalog_root_trigger((GuardTrigger *) lfirst(lc2));
			Guard	   *guard;
			ClaimTally	tally;

			if (list_member_oid(judged, trigger->oid))
				continue;
			judged = lappend_oid(judged, trigger->oid);
			guard = guard_enforced(trigger->oid, SERVICE_SIDE, false);
			if (guard != NULL &&
				claims_count_orphans(guard, guard->booking_relid, &tally))
				refuse(guard, REFUSE_DROP, trigger->relid, &tally);
		}
	}
}
