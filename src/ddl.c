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
 * deletes from it meanwhile; see partition.c.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_class.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/parsenodes.h"
#include "tcop/deparse_utility.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_ddl_start);
PG_FUNCTION_INFO_V1(booking_guard_ddl_end);
PG_FUNCTION_INFO_V1(booking_guard_sql_drop);


/*
 * The guards' triggers on one side of a table (GuardTrigger *) whose rules name
 * one of its columns, clones included.
 */
static List *
triggers_naming(Oid relid, GuardSide side, const char *column, Oid sibling)
{
	List	   *triggers = NIL;
	ListCell   *lc;

	foreach(lc, catalog_guard_triggers(relid, side, sibling))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
		GuardRule	rule = {0};

		if (rule_read_arguments(&rule, side, trigger->nargs,
								trigger->args) == NULL &&
			rule_names_column(&rule, side, column))
			triggers = lappend(triggers, trigger);
	}
	return triggers;
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

		foreach(lc, triggers_naming(relid, side, name, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};
			const char *label_column;

			if (OidIsValid(trigger->parent))
				continue;

			/* Its labels may have been renamed while we waited. */
			(void) rule_read_arguments(&rule, side, trigger->nargs,
									   trigger->args);
			label_column = rule_label_column(&rule, side);
			if (label_column != NULL && strcmp(label_column, name) == 0)
				label_column = new_name;
			catalog_lock_labels(relid, label_column);
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
			HeapTuple	tuple = SearchSysCache1(RELOID,
												ObjectIdGetDatum(relid));

			if (!HeapTupleIsValid(tuple))
				continue;
			if (((Form_pg_class) GETSTRUCT(tuple))->reloftype == type)
				relids = list_append_unique_oid(relids, relid);
			ReleaseSysCache(tuple);
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
			/* the server renames a table's column by ALTER TYPE as well */
			follow_column(address.objectId, stmt->subname, stmt->newname,
						  sibling);
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
 * ddl_still_enforceable
 *
 * The guard of a trigger on a table that was just altered.  If it cannot be
 * enforced any more, the command is refused.
 */
Guard *
ddl_still_enforceable(const GuardTrigger *trigger, GuardSide side)
{
	ErrorData  *edata;
	Guard	   *guard = guard_try(trigger->oid, side, &edata);

	if (guard == NULL)
		report_alter_breaks(trigger, side, edata);
	return guard;
}

/*
 * A column of a guarded table has another type or expression now; one of a
 * single partition may have the latter.  The guard must still understand it,
 * and the new values must not be claims that point at nothing.
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

		foreach(lc, triggers_naming(relid, side, column, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);
			GuardRule	rule = {0};
			Guard	   *guard;
			ClaimTally	tally;

			/* a label that is being renamed would be gone the next moment */
			(void) rule_read_arguments(&rule, side, trigger->nargs,
									   trigger->args);
			catalog_lock_labels(relid, rule_label_column(&rule, side));
			guard = ddl_still_enforceable(trigger, side);
			if (guard != NULL &&
				claims_count_orphans(guard, side == BOOKING_SIDE ?
									 relid : guard->booking_relid, &tally))
				report_alter_orphans(guard, relid, column, &tally);
		}
	}
}

/*
 * ddl_check_persistence
 *
 * A table that is not logged loses its rows in a crash.  Bookings that are
 * logged would lose their services; a foreign key refuses that as well:
 * ATPrepChangePersistence().
 */
void
ddl_check_persistence(Oid relid, Oid sibling)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		ListCell   *lc;

		foreach(lc, catalog_guard_triggers(relid, side, sibling))
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
		if (catalog_guard_triggers(parent, side, sibling) != NIL)
			report_guarded_inheritance(child, parent, parent);
		if (catalog_guard_triggers(child, side, sibling) != NIL)
			report_guarded_inheritance(child, parent, child);
	}
}


/* ----------------------------------------------------------------
 *		What a command did
 * ----------------------------------------------------------------
 */

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
				ddl_check_persistence(relid, sibling);
				break;
			case AT_AddInherit:
				check_inheritance(relid, other, sibling);
				break;
			case AT_AttachPartition:
				if (get_rel_relkind(relid) != RELKIND_PARTITIONED_TABLE)
					break;		/* an index */
				partition_attached(relid, cmd, sibling);
				break;
			case AT_DetachPartition:
			case AT_DetachPartitionFinalize:
				partition_detached(relid, cmd, sibling);
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
		partition_created(relid, sibling);
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
	AlterTableStmt *stmt;
	ListCell   *lc;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_ddl_start");
	if (!IsA(event->parsetree, AlterTableStmt))
		PG_RETURN_VOID();

	stmt = (AlterTableStmt *) event->parsetree;
	foreach(lc, stmt->cmds)
	{
		AlterTableCmd *cmd = (AlterTableCmd *) lfirst(lc);

		if (cmd->subtype == AT_DetachPartition &&
			((PartitionCmd *) cmd->def)->concurrent)
			partition_check_concurrent_detach(stmt->relation,
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

		foreach(lc, triggers_naming(relid, side, column, sibling))
		{
			GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

			if (!OidIsValid(trigger->parent))
				report_column_needed(trigger, side, column);
		}
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
	List	   *tables = NIL;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_sql_drop");

	/* What function a dropped trigger had is not to be known any more. */
	read_event("SELECT object_type, objid, address_names[1],"
			   " address_names[2], address_names[3]"
			   " FROM pg_catalog.pg_event_trigger_dropped_objects()"
			   " WHERE object_type OPERATOR(pg_catalog.=)"
			   " ANY (ARRAY['table', 'table column', 'trigger'])");

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		char	   *type = SPI_getvalue(tuple, desc, 1);
		Oid			oid = DatumGetObjectId(SPI_getbinval(tuple, desc, 2,
														 &isnull));
		char	   *schema = SPI_getvalue(tuple, desc, 3);
		char	   *table = SPI_getvalue(tuple, desc, 4);
		char	   *name = SPI_getvalue(tuple, desc, 5);

		if (strcmp(type, "table") == 0)
			tables = lappend_oid(tables, oid);
		else if (strcmp(type, "table column") == 0)
			check_dropped_column(oid, name, sibling);
		else if (strcmp(name, BEFORE_DELETE_TRIGGER_NAME) != 0 &&
				 strcmp(name, TRUNCATE_TRIGGER_NAME) != 0)
		{
			Oid			namespace_oid = get_namespace_oid(schema, true);
			Oid			relid = OidIsValid(namespace_oid) ?
				get_relname_relid(table, namespace_oid) : InvalidOid;

			/* it may have been the table's last guard */
			if (OidIsValid(relid))
				shared_drop(relid, sibling);
		}
	}
	partitions_dropped(tables, sibling);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	PG_RETURN_VOID();
}
