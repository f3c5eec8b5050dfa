/*-------------------------------------------------------------------------
 *
 * ddl.c
 *	  The event trigger.
 *
 * A guard's two constraint triggers go with either of its tables: the server
 * sees to that.  What it cannot see is that the two triggers which all guards
 * of a service table share have no guard left to serve.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/objectaddress.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/event_trigger.h"
#include "executor/spi.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_ddl_start);
PG_FUNCTION_INFO_V1(booking_guard_ddl_end);
PG_FUNCTION_INFO_V1(booking_guard_sql_drop);

/*
 * ddl_drop_shared_triggers
 *
 * Drop the triggers that the guards of a service table share, if no guard is
 * left on it.  sibling is any function of the extension.
 *
 * Whoever may drop a guard may drop these: no privilege is checked.  The
 * lock on the table that dropping a trigger takes is already held, since the
 * guard's own trigger has just been dropped.
 */
void
ddl_drop_shared_triggers(Oid relid, Oid sibling)
{
	static const char *const names[] = {BEFORE_DELETE_TRIGGER_NAME,
	TRUNCATE_TRIGGER_NAME};
	static const char *const functions[] = {BEFORE_DELETE_FUNCTION,
	TRUNCATE_FUNCTION};
	Relation	rel = relation_open(relid, AccessShareLock);
	Oid			function = catalog_function(sibling, SERVICE_FUNCTION);
	bool		guarded = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
		guarded |= rel->trigdesc->triggers[i].tgfoid == function;
	relation_close(rel, NoLock);
	if (guarded)
		return;

	for (int i = 0; i < (int) lengthof(names); i++)
	{
		GuardTrigger *trigger = catalog_trigger_by_name(relid, names[i]);
		ObjectAddress address;

		if (trigger == NULL || OidIsValid(trigger->parent) ||
			trigger->function != catalog_function(sibling, functions[i]))
			continue;
		ObjectAddressSet(address, TriggerRelationId, trigger->oid);
		performDeletion(&address, DROP_RESTRICT, PERFORM_DELETION_INTERNAL);
	}
}

/*
 * booking_guard_sql_drop
 *
 * Event trigger ON sql_drop: tidy up after guards that were dropped with
 * their booking table, or by hand.
 */
Datum
booking_guard_sql_drop(PG_FUNCTION_ARGS)
{
	List	   *relids = NIL;
	ListCell   *lc;

	if (!CALLED_AS_EVENT_TRIGGER(fcinfo))
		report_check_event_trigger("booking_guard_sql_drop");

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	if (SPI_execute("SELECT address_names[1], address_names[2]"
					" FROM pg_catalog.pg_event_trigger_dropped_objects()"
					" WHERE object_type OPERATOR(pg_catalog.=) 'trigger'"
					" AND pg_catalog.starts_with(address_names[3], '"
					GUARD_NAME_PREFIX "')", false, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read the dropped objects");

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char	   *schema = SPI_getvalue(SPI_tuptable->vals[i],
										  SPI_tuptable->tupdesc, 1);
		char	   *table = SPI_getvalue(SPI_tuptable->vals[i],
										 SPI_tuptable->tupdesc, 2);
		Oid			namespace_oid = get_namespace_oid(schema, true);
		Oid			relid;

		if (!OidIsValid(namespace_oid))
			continue;
		relid = get_relname_relid(table, namespace_oid);
		if (OidIsValid(relid))
			relids = list_append_unique_oid(relids, relid);
	}

	foreach(lc, relids)
		ddl_drop_shared_triggers(lfirst_oid(lc), fcinfo->flinfo->fn_oid);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	PG_RETURN_VOID();
}

Datum
booking_guard_ddl_start(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}

Datum
booking_guard_ddl_end(PG_FUNCTION_ARGS)
{
	PG_RETURN_VOID();
}
