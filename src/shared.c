/*-------------------------------------------------------------------------
 *
 * shared.c
 *	  The triggers that all guards of a service table share.
 *
 * They carry no rule.  BEFORE DELETE fires for each row, and the server
 * clones it to the partitions; TRUNCATE fires for the statement, and a
 * statement that truncates one partition only fires that partition's own, so
 * that each has one, made here.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "access/xact.h"
#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/parsenodes.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

/*
 * Whether a table has one of the shared triggers; if it is disabled, it fires
 * again.  An error if another trigger has its name.
 */
static bool
has_trigger(Oid relid, Oid sibling, const char *name, const char *function)
{
	GuardTrigger *trigger = catalog_trigger_by_name(relid, name);

	if (trigger == NULL)
		return false;
	if (trigger->function != catalog_function(sibling, function))
		report_name_taken(relid, name);
	if (trigger->enabled == TRIGGER_DISABLED ||
		trigger->enabled == TRIGGER_FIRES_ON_REPLICA)
	{
		Relation	rel = relation_open(relid, NoLock);

		compat_check_owner(relid);
		compat_enable_trigger(rel, name);
		relation_close(rel, NoLock);
		CommandCounterIncrement();
	}
	return true;
}

/*
 * Make one of the shared triggers, as the caller.  Not by a statement: that
 * would take the right to look into the extension's schema, which the server
 * does not ask for when it clones a trigger either.
 */
static void
create_trigger(Oid relid, Oid sibling, const char *name, const char *function,
			   int16 timing, int16 event, bool row)
{
	CreateTrigStmt *stmt = makeNode(CreateTrigStmt);

	stmt->trigname = pstrdup(name);
	stmt->timing = timing;
	stmt->events = event;
	stmt->row = row;
	(void) CreateTrigger(stmt, NULL, relid, InvalidOid, InvalidOid,
						 InvalidOid, catalog_function(sibling, function),
						 InvalidOid, NULL, false, false);
	CommandCounterIncrement();
}

/*
 * Drop one of the shared triggers from a table, if it is there and no clone.
 */
static void
drop_trigger(Oid relid, Oid sibling, const char *name, const char *function)
{
	GuardTrigger *trigger = catalog_trigger_by_name(relid, name);
	ObjectAddress address;

	if (trigger == NULL || OidIsValid(trigger->parent) ||
		trigger->function != catalog_function(sibling, function))
		return;
	ObjectAddressSet(address, TriggerRelationId, trigger->oid);
	performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
}

/*
 * shared_create
 *
 * Make what is missing of the shared triggers on a guarded table, or on a
 * partition of it, and on all partitions below, as the caller, who needs the
 * right to on each: the server asks for it too, to clone a trigger.  Those
 * that are there and disabled fire again, for which the caller needs to own
 * the table.  An error if another trigger has the name of one.
 */
void
shared_create(Oid relid, Oid sibling)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid			table = lfirst_oid(lc);

		/* On a partition this one is the whole's to clone. */
		if (!has_trigger(table, sibling, BEFORE_DELETE_TRIGGER_NAME,
						 BEFORE_DELETE_FUNCTION) &&
			!get_rel_relispartition(table))
			create_trigger(table, sibling, BEFORE_DELETE_TRIGGER_NAME,
						   BEFORE_DELETE_FUNCTION, TRIGGER_TYPE_BEFORE,
						   TRIGGER_TYPE_DELETE, true);
		if (!has_trigger(table, sibling, TRUNCATE_TRIGGER_NAME,
						 TRUNCATE_FUNCTION))
			create_trigger(table, sibling, TRUNCATE_TRIGGER_NAME,
						   TRUNCATE_FUNCTION, TRIGGER_TYPE_AFTER,
						   TRIGGER_TYPE_TRUNCATE, false);
	}
}

/*
 * shared_drop
 *
 * Drop the shared triggers from a table and its partitions, unless a guard is
 * left on it.  sibling is any function of the extension.
 *
 * Whoever may drop a guard may drop these: no privilege is checked.  The
 * lock on the tables that dropping a trigger takes is already held, since the
 * guard's own trigger has just been dropped.
 */
void
shared_drop(Oid relid, Oid sibling)
{
	ListCell   *lc;

	if (catalog_triggers_on(relid,
							catalog_function(sibling,
											 SERVICE_FUNCTION)) != NIL)
		return;

	drop_trigger(relid, sibling, BEFORE_DELETE_TRIGGER_NAME,
				 BEFORE_DELETE_FUNCTION);
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		drop_trigger(lfirst_oid(lc), sibling, TRUNCATE_TRIGGER_NAME,
					 TRUNCATE_FUNCTION);
}
