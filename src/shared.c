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

#include "catalog/dependency.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "guard.h"
#include "report.h"

/*
 * Whether a table has one of the shared triggers.  An error if another
 * trigger has its name.
 */
static bool
has_trigger(Oid relid, Oid sibling, const char *name, const char *function)
{
	GuardTrigger *trigger = catalog_trigger_by_name(relid, name);

	if (trigger == NULL)
		return false;
	if (trigger->function != catalog_function(sibling, function))
		report_name_taken(relid, name);
	return true;
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
 * right to on each: the server asks for it too, to clone a trigger.  An error
 * if another trigger has the name of one.
 */
void
shared_create(Oid relid, Oid sibling)
{
	const char *schema = quote_identifier(get_namespace_name(get_func_namespace(sibling)));
	ListCell   *lc;

	if (!has_trigger(relid, sibling, BEFORE_DELETE_TRIGGER_NAME,
					 BEFORE_DELETE_FUNCTION))
		query_execute(psprintf("CREATE TRIGGER %s BEFORE DELETE ON %s"
							   " FOR EACH ROW EXECUTE FUNCTION %s.%s()",
							   BEFORE_DELETE_TRIGGER_NAME,
							   rule_table_name(relid), schema,
							   BEFORE_DELETE_FUNCTION));

	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		Oid			table = lfirst_oid(lc);

		if (!has_trigger(table, sibling, TRUNCATE_TRIGGER_NAME,
						 TRUNCATE_FUNCTION))
			query_execute(psprintf("CREATE TRIGGER %s AFTER TRUNCATE ON %s"
								   " FOR EACH STATEMENT EXECUTE FUNCTION %s.%s()",
								   TRUNCATE_TRIGGER_NAME,
								   rule_table_name(table), schema,
								   TRUNCATE_FUNCTION));
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
