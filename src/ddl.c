/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  The event triggers: guards live as long as schemas do.
 *
 * The server follows renames of tables and schemas, clones a guard's triggers
 * to partitions and drops them with either table.  Here is what it cannot
 * know:
 *
 * - that the arguments of a trigger name columns and labels of an enum, which
 *   are renamed, or must not be dropped;
 * - that some commands make claims, or take services away, without firing a
 *   row trigger: a column changes its type, a partition comes or goes;
 * - that some triggers serve no guard any more.
 *
 * A rename locks nothing: it changes what the triggers of the renamed table
 * (which is locked) say about that very table.  Only a command that has to be
 * validated looks at the other table, and only one that brings claims keeps
 * deletes from it meanwhile; see attach_bookings().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/partition.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "commands/tablecmds.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "storage/lmgr.h"
#include "tcop/deparse_utility.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_ddl_start);
PG_FUNCTION_INFO_V1(booking_guard_ddl_end);
PG_FUNCTION_INFO_V1(booking_guard_sql_drop);


/*
 * The guards' triggers on one side of a table (GuardTrigger *), clones
 * included.
 */
static List *
triggers_on(Oid relid, GuardSide side, Oid sibling)
{
	return catalog_triggers_on(relid,
							   catalog_function(sibling,
												side == SERVICE_SIDE ?
												SERVICE_FUNCTION :
												BOOKING_FUNCTION));
}


/* ----------------------------------------------------------------
 *		Renames
 * ----------------------------------------------------------------
 */

/*
 * A column was renamed: so do the guards that name it.
 */
static void
follow_column(Oid relid, const char *name, const char *new_name, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, triggers_on(relid, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};

			if (OidIsValid(trigger->parent) ||
				rule_read_arguments(&rule, side, trigger->nargs,
									trigger->args) != NULL ||
				!rule_rename_column(&rule, side, name, new_name))
				continue;

			/* Its labels may have been renamed while we waited. */
			catalog_lock_labels(relid, rule_label_column(&rule, side));
			trigger = catalog_trigger(trigger->oid);
			memset(&rule, 0, sizeof(rule));
			if (rule_read_arguments(&rule, side, trigger->nargs,
									trigger->args) == NULL &&
				rule_rename_column(&rule, side, name, new_name))
				catalog_write_arguments(trigger,
										rule_write_arguments(&rule, side));
		}
	}
}

/*
 * A label of an enum was renamed: so do the guards that name it as a status.
 *
 * Their tables are not locked.  RenameEnumLabel() holds a lock on the type,
 * and whoever else writes down its labels takes one too: catalog_lock_labels().
 */
static void
follow_label(Oid enum_type, const char *name, const char *new_name,
			 Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, catalog_guards(sibling, side))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};
			const char *column;

			if (rule_read_arguments(&rule, side, trigger->nargs,
									trigger->args) != NULL)
				continue;
			column = rule_label_column(&rule, side);
			if (column == NULL ||
				getBaseType(get_atttype(trigger->relid,
										get_attnum(trigger->relid,
												   column))) != enum_type)
				continue;
			if (rule_rename_label(&rule, side, name, new_name))
				catalog_write_arguments(trigger,
										rule_write_arguments(&rule, side));
		}
	}
}

/*
 * The guarded tables that are made OF a composite type: its attributes are
 * their columns.
 */
static List *
typed_tables(Oid type_relid, Oid sibling)
{
	Oid			type = get_rel_type_id(type_relid);
	List	   *relids = NIL;

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, catalog_guards(sibling, side))
		{
			Oid			relid = ((GuardTrigger *) lfirst(lc))->relid;
			Relation	rel = try_relation_open(relid, NoLock);

			if (rel == NULL)
				continue;
			if (rel->rd_rel->reloftype == type)
				relids = list_append_unique_oid(relids, relid);
			relation_close(rel, NoLock);
		}
	}
	return relids;
}

static void
follow_rename(RenameStmt *stmt, ObjectAddress address, Oid sibling)
{
	ListCell   *lc;

	switch (stmt->renameType)
	{
		case OBJECT_COLUMN:
			follow_column(address.objectId, stmt->subname, stmt->newname,
						  sibling);
			break;
		case OBJECT_ATTRIBUTE:
			foreach(lc, typed_tables(address.objectId, sibling))
				follow_column(lfirst_oid(lc), stmt->subname, stmt->newname,
							  sibling);
			break;
		default:
			break;
	}
}


/* ----------------------------------------------------------------
 *		Changes that a guard must be asked about
 * ----------------------------------------------------------------
 */

/*
 * The guard of a trigger on a table that was just altered.  If it cannot be
 * enforced any more, the command is refused.
 */
static Guard *
still_enforceable(const GuardTrigger *trigger, GuardSide side)
{
	ErrorData  *edata;
	Guard	   *guard = guard_try(trigger->oid, side, &edata);

	if (guard == NULL)
		report_alter_breaks(trigger, side, edata);
	return guard;
}

/*
 * A column of a guarded table has another type or expression now.  The guard
 * must still understand it, and the new values must not be claims that point
 * at nothing.
 *
 * ALTER TABLE holds ACCESS EXCLUSIVE on this table.  The other one is only
 * read.  If it is the services' that is not enough to keep a service from
 * being deleted meanwhile, but the deleter counts after it has locked its
 * row, and for that waits until the altered bookings can be seen.
 */
static void
validate_values(Oid relid, const char *column, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, triggers_on(relid, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};
			Guard	   *guard;
			ClaimTally	tally;

			if (OidIsValid(trigger->parent) ||
				(rule_read_arguments(&rule, side, trigger->nargs,
									 trigger->args) == NULL &&
				 !rule_names_column(&rule, side, column)))
				continue;
			guard = still_enforceable(trigger, side);
			if (guard != NULL &&
				claims_count_orphans(guard, guard->booking_relid, &tally))
				report_alter_orphans(guard, relid, column, &tally);
		}
	}
}

/*
 * A table that is not logged loses its rows in a crash.  Bookings that are
 * logged would lose their services; a foreign key refuses that as well:
 * ATPrepChangePersistence().
 */
static void
check_persistence(Oid relid, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, triggers_on(relid, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			Oid			service_relid = side == SERVICE_SIDE ?
				relid : trigger->from_relid;
			Oid			booking_relid = side == SERVICE_SIDE ?
				trigger->from_relid : relid;

			if (OidIsValid(trigger->from_relid) &&
				get_rel_persistence(service_relid) == RELPERSISTENCE_UNLOGGED &&
				get_rel_persistence(booking_relid) == RELPERSISTENCE_PERMANENT)
				report_alter_unlogged(service_relid, booking_relid);
		}
	}
}

/*
 * A guard looks at a table ONLY: what a child by inheritance holds would not
 * be guarded.  So none may be made, as booking_guard_protect() takes none.
 */
static void
check_inheritance(Oid child, Oid parent, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		if (triggers_on(parent, side, sibling) != NIL)
			report_guarded_inheritance(child, parent, parent);
		if (triggers_on(child, side, sibling) != NIL)
			report_guarded_inheritance(child, parent, child);
	}
}


/* ----------------------------------------------------------------
 *		Partitions
 * ----------------------------------------------------------------
 */

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
 * A table with a guard of its own becomes a partition.  booking_guard_protect()
 * takes none either: rows of its sister partitions would not be guarded, and
 * what happens to the whole would not be seen.
 */
static void
check_own_guards(Oid partition, Oid sibling)
{
	ListCell   *table;

	foreach(table, find_all_inheritors(partition, NoLock, NULL))
	{
		for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
		{
			ListCell   *lc;

			foreach(lc, triggers_on(lfirst_oid(table), side, sibling))
			{
				GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

				if (!OidIsValid(trigger->parent))
					report_guarded_partition(trigger, side);
			}
		}
	}
}

/*
 * A partition was added to a guarded table, which has cloned its triggers to
 * it and to all partitions below.
 */
static void
attach_services(Oid partition, Oid sibling)
{
	ListCell   *lc;

	if (triggers_on(partition, SERVICE_SIDE, sibling) == NIL)
		return;
	shared_create(partition, sibling);
	foreach(lc, find_all_inheritors(partition, NoLock, NULL))
		check_persistence(lfirst_oid(lc), sibling);
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

	foreach(lc, triggers_on(partition, BOOKING_SIDE, sibling))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		Guard	   *guard;
		ClaimTally	tally;

		LockRelationOid(trigger->from_relid, ShareRowExclusiveLock);
		(void) find_all_inheritors(trigger->from_relid, ShareRowExclusiveLock,
								   NULL);
		guard = still_enforceable(trigger, BOOKING_SIDE);
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

	foreach(lc, triggers_on(partition, SERVICE_SIDE, sibling))
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
	ListCell   *table;

	foreach(table, find_all_inheritors(partition, NoLock, NULL))
	{
		for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
		{
			ListCell   *lc;

			foreach(lc, triggers_on(lfirst_oid(table), side, sibling))
			{
				GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
				ObjectAddress address;

				if (!OidIsValid(trigger->parent))
					continue;
				deleteDependencyRecordsForClass(TriggerRelationId,
												trigger->oid,
												TriggerRelationId,
												DEPENDENCY_PARTITION_PRI);
				deleteDependencyRecordsForClass(TriggerRelationId,
												trigger->oid,
												RelationRelationId,
												DEPENDENCY_PARTITION_SEC);
				ObjectAddressSet(address, TriggerRelationId, trigger->oid);
				add_exact_object_address(&address, objects);
			}
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
 * Refuse to detach a partition concurrently that has services with claims.
 *
 * That must be known before the command begins.  Its first transaction makes
 * the partition disappear for all others, and commits; what its second one
 * finds comes too late.  We run in the first one.  It lets others book
 * meanwhile, so that we keep bookers out of the guarded table here, with the
 * weakest lock that does.  Who has booked is done and seen.  Whoever comes
 * later waits for that lock before it plans to read any partition (find_row()),
 * and plans with the newest snapshot (query_run()), for which this one has
 * gone.  It
 * would not do to lock the partition: a plan that waits for that already
 * knows of it, and reads it in the end.
 */
static void
check_concurrent_detach(RangeVar *relation, RangeVar *name, Oid sibling)
{
	Oid			relid;
	Oid			partition;

	/* The lock that the command takes itself, by whom it lets take it. */
	relid = RangeVarGetRelidExtended(relation, ShareUpdateExclusiveLock,
									 RVR_MISSING_OK,
									 RangeVarCallbackOwnsRelation, NULL);
	if (!OidIsValid(relid) ||
		triggers_on(relid, SERVICE_SIDE, sibling) == NIL)
		return;
	partition = RangeVarGetRelid(name, NoLock, true);
	if (!OidIsValid(partition) || !get_rel_relispartition(partition) ||
		get_partition_parent(partition, false) != relid)
		return;					/* the command will say so itself */

	lock_referencing_tables(partition);
	LockRelationOid(llast_oid(get_partition_ancestors(partition)),
					ExclusiveLock);
	check_departure(partition, sibling);
}


/* ----------------------------------------------------------------
 *		What a command did
 * ----------------------------------------------------------------
 */

/*
 * The partition that was just attached to a table, or detached.  The server
 * does not tell its OID; but the name still is what it was, and the table is
 * locked, unless another event trigger has made it the name of something else.
 */
static Oid
partition_of_command(AlterTableCmd *cmd, Oid relid, Oid sibling)
{
	Oid			partition = RangeVarGetRelid(castNode(PartitionCmd,
													  cmd->def)->name,
											 NoLock, false);

	if (cmd->subtype == AT_AttachPartition ?
		!get_rel_relispartition(partition) ||
		get_partition_parent(partition, false) != relid :
		get_rel_relispartition(partition))
		elog(ERROR, "could not find the partition of table %u", relid);
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		if (triggers_on(relid, side, sibling) != NIL &&
			triggers_on(partition, side, sibling) == NIL)
			elog(ERROR, "could not find the partition of table %u", relid);
	}
	return partition;
}

static void
look_at_alter_table(CollectedCommand *command, Oid sibling)
{
	Oid			relid = command->d.alterTable.objectId;
	ListCell   *lc;

	foreach(lc, command->d.alterTable.subcmds)
	{
		CollectedATSubcmd *sub = (CollectedATSubcmd *) lfirst(lc);
		AlterTableCmd *cmd = castNode(AlterTableCmd, sub->parsetree);
		Oid			other = sub->address.objectId;
		ListCell   *table;

		if (compat_changes_values(cmd->subtype))
		{
			if (get_rel_relkind(relid) == RELKIND_COMPOSITE_TYPE)
			{
				foreach(table, typed_tables(relid, sibling))
					validate_values(lfirst_oid(table), cmd->name, sibling);
			}
			else if (other == relid)	/* not one of its partitions */
				validate_values(relid, cmd->name, sibling);
		}

		switch (cmd->subtype)
		{
			case AT_SetLogged:
			case AT_SetUnLogged:
				check_persistence(relid, sibling);
				break;
			case AT_AddInherit:
				check_inheritance(relid, other, sibling);
				break;
			case AT_AttachPartition:
				if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
					break;		/* an index */
				other = partition_of_command(cmd, relid, sibling);
				check_own_guards(other, sibling);
				attach_services(other, sibling);
				attach_bookings(other, sibling);
				break;
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
				other = partition_of_command(cmd, relid, sibling);
				if (cmd->subtype == AT_DetachPartition &&
					!((PartitionCmd *) cmd->def)->concurrent)
					check_departure(other, sibling);
				drop_clones(other, sibling);
				break;
			default:
				break;
		}
	}
}

static void
look_at_create_table(Oid relid, Oid sibling)
{
	ListCell   *lc;

	if (get_rel_relispartition(relid))
		attach_services(relid, sibling);
	else
	{
		foreach(lc, catalog_parents(relid))
			check_inheritance(relid, lfirst_oid(lc), sibling);
	}
}

/*
 * Read what an event trigger may ask about, into SPI_tuptable.
 */
static void
read_event(const char *sql)
{
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute(sql, false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the event");
}

/*
 * booking_guard_ddl_start
 *
 * Event trigger ON ddl_command_start, for ALTER TABLE.
 */
Datum
booking_guard_ddl_start(PG_FUNCTION_ARGS)
{
	EventTriggerData *event = (EventTriggerData *) fcinfo->context;
	ListCell   *lc;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_ddl_start");
	if (!IsA(event->parsetree, AlterTableStmt))
		PG_RETURN_VOID();

	foreach(lc, ((AlterTableStmt *) event->parsetree)->cmds)
	{
		AlterTableCmd *cmd = (AlterTableCmd *) lfirst(lc);

		if (cmd->subtype == AT_DetachPartition &&
			((PartitionCmd *) cmd->def)->concurrent)
			check_concurrent_detach(((AlterTableStmt *) event->parsetree)->relation,
									((PartitionCmd *) cmd->def)->name,
									fcinfo->flinfo->fn_oid);
	}
	PG_RETURN_VOID();
}

/*
 * booking_guard_ddl_end
 *
 * Event trigger ON ddl_command_end, for what alters or makes tables and
 * types.  (ALTER VIEW renames a table's column as well as ALTER TABLE does.)
 */
Datum
booking_guard_ddl_end(PG_FUNCTION_ARGS)
{
	Oid			sibling = fcinfo->flinfo->fn_oid;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_ddl_end");

	read_event("SELECT command FROM pg_catalog.pg_event_trigger_ddl_commands()");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		bool		isnull;
		CollectedCommand *command = (CollectedCommand *)
			DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[i],
										  SPI_tuptable->tupdesc, 1, &isnull));

		if (command->type == SCT_AlterTable)
			look_at_alter_table(command, sibling);
		else if (command->type == SCT_Simple)
		{
			ObjectAddress address = command->d.simple.address;

			switch (nodeTag(command->parsetree))
			{
				case T_RenameStmt:
					follow_rename((RenameStmt *) command->parsetree, address,
								  sibling);
					break;
				case T_AlterEnumStmt:
					{
						AlterEnumStmt *stmt =
							(AlterEnumStmt *) command->parsetree;

						if (stmt->oldVal != NULL)
							follow_label(address.objectId, stmt->oldVal,
										 stmt->newVal, sibling);
						break;
					}
				case T_CreateStmt:
				case T_CreateForeignTableStmt:
					look_at_create_table(address.objectId, sibling);
					break;
				default:
					break;
			}
		}
	}
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	PG_RETURN_VOID();
}


/* ----------------------------------------------------------------
 *		What a command dropped
 * ----------------------------------------------------------------
 */

/*
 * Refuse to drop a column that a guard needs, unless the guard is gone too.
 */
static void
check_dropped_column(Oid relid, const char *column, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, triggers_on(relid, side, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};

			if (!OidIsValid(trigger->parent) &&
				rule_read_arguments(&rule, side, trigger->nargs,
									trigger->args) == NULL &&
				rule_names_column(&rule, side, column))
				report_column_needed(trigger, side, column);
		}
	}
}

/*
 * Whether we hold ACCESS EXCLUSIVE on a partitioned table or on one of its
 * partitions that is partitioned itself: to drop a partition takes that on
 * what it was a partition of, heap_drop_with_catalog().
 */
static bool
may_have_lost_partition(Oid relid)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (get_rel_relkind(lfirst_oid(lc)) == RELKIND_PARTITIONED_TABLE &&
			compat_is_locked_by_me(lfirst_oid(lc), AccessExclusiveLock))
			return true;
	}
	return false;
}

/*
 * A table was dropped that had a guard's trigger of this name and was a
 * service table or a partition of one.  If a guard of this name has lost a
 * partition, refuse if claims have lost their service with it.
 *
 * The command holds ACCESS EXCLUSIVE on what that was a partition of.  Every
 * booker holds ROW SHARE on the whole table and on the partitions in its plan
 * until its end.
 */
static void
check_dropped_services(const char *name, Oid sibling)
{
	ListCell   *lc;

	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		Guard	   *guard;
		ClaimTally	tally;

		if (strcmp(trigger->name, name) != 0 ||
			!may_have_lost_partition(trigger->relid))
			continue;
		guard = guard_enforced(trigger->oid, SERVICE_SIDE, false);
		if (guard != NULL &&
			claims_count_orphans(guard, guard->booking_relid, &tally))
			refuse(guard, REFUSE_DROP, trigger->relid, &tally);
	}
}

/*
 * booking_guard_sql_drop
 *
 * Event trigger ON sql_drop.
 */
Datum
booking_guard_sql_drop(PG_FUNCTION_ARGS)
{
	Oid			sibling = fcinfo->flinfo->fn_oid;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_sql_drop");

	/*
	 * Each dropped column; and each dropped trigger, with whether one of those
	 * that guards share went with it from the same table.  What function a
	 * dropped trigger had is not to be known any more, nor need a guard have
	 * the name that it was made with.
	 */
	read_event("SELECT o.object_type, o.objid, o.address_names[1],"
			   " o.address_names[2], o.address_names[3],"
			   " EXISTS (SELECT FROM pg_catalog.pg_event_trigger_dropped_objects() s"
			   " WHERE s.object_type OPERATOR(pg_catalog.=) 'trigger'"
			   " AND s.address_names[1] OPERATOR(pg_catalog.=) o.address_names[1]"
			   " AND s.address_names[2] OPERATOR(pg_catalog.=) o.address_names[2]"
			   " AND s.address_names[3] OPERATOR(pg_catalog.=) ANY (ARRAY['"
			   BEFORE_DELETE_TRIGGER_NAME "', '" TRUNCATE_TRIGGER_NAME "']))"
			   " FROM pg_catalog.pg_event_trigger_dropped_objects() o"
			   " WHERE o.object_type OPERATOR(pg_catalog.=)"
			   " ANY (ARRAY['table column', 'trigger'])");

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *type = SPI_getvalue(tuple, desc, 1);
		char	   *schema = SPI_getvalue(tuple, desc, 3);
		char	   *table = SPI_getvalue(tuple, desc, 4);
		char	   *name = SPI_getvalue(tuple, desc, 5);
		bool		isnull;
		Oid			namespace_oid;
		Oid			relid;

		if (strcmp(type, "trigger") != 0)
		{
			check_dropped_column(DatumGetObjectId(SPI_getbinval(tuple, desc,
																2, &isnull)),
								 name, sibling);
			continue;
		}

		namespace_oid = get_namespace_oid(schema, true);
		relid = OidIsValid(namespace_oid) ?
			get_relname_relid(table, namespace_oid) : InvalidOid;
		if (OidIsValid(relid))
		{
			/* it was not the guard's last trigger if it was a shared one */
			if (strcmp(name, BEFORE_DELETE_TRIGGER_NAME) != 0 &&
				strcmp(name, TRUNCATE_TRIGGER_NAME) != 0)
				shared_drop(relid, sibling);
		}
		else if (DatumGetBool(SPI_getbinval(tuple, desc, 6, &isnull)))
			check_dropped_services(name, sibling);
	}

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	PG_RETURN_VOID();
}
