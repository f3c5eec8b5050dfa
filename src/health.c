/*-------------------------------------------------------------------------
 *
 * health.c
 *	  What guards there are, and how they are: the view booking_guards and
 *	  booking_guard_health().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_list);
PG_FUNCTION_INFO_V1(booking_guard_health);

static Datum
array_or_null(List *strings, bool *isnull)
{
	*isnull = (strings == NIL);
	return strings != NIL ? rule_text_array(strings) : (Datum) 0;
}

static Datum
text_or_null(const char *string, bool *isnull)
{
	*isnull = (string == NULL);
	return string != NULL ? CStringGetTextDatum(string) : (Datum) 0;
}

/*
 * booking_guard_list
 *
 * One row a guard, for the view booking_guards.  Reads triggers only: a guard
 * that cannot be resolved is there all the same, with what can be read.
 */
Datum
booking_guard_list(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			sibling = fcinfo->flinfo->fn_oid;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *service = (GuardTrigger *) lfirst(lc);
		GuardTrigger *booking = NULL;
		GuardRule	rule = {0};
		bool		ok;
		Datum		values[19];
		bool		nulls[19] = {false};
		int			i = 0;

		if (get_rel_name(service->relid) == NULL)
			continue;			/* dropped meanwhile */
		if (OidIsValid(service->from_relid))
			booking = catalog_partner(service, BOOKING_SIDE);
		ok = rule_read_arguments(&rule, SERVICE_SIDE, service->nargs,
								 service->args) == NULL &&
			booking != NULL &&
			rule_read_arguments(&rule, BOOKING_SIDE, booking->nargs,
								booking->args) == NULL;

		values[i++] = CStringGetTextDatum(service->name);
		values[i++] = CStringGetTextDatum(rule_table_name(service->relid));
		values[i] = text_or_null(OidIsValid(service->from_relid) ?
								 rule_table_name(service->from_relid) : NULL,
								 &nulls[i]);
		i++;
		values[i] = array_or_null(rule.booking_key, &nulls[i]);
		i++;
		values[i] = array_or_null(rule.service_key, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.tenant_column, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.status_column, &nulls[i]);
		i++;
		values[i] = array_or_null(rule.blocking_statuses, &nulls[i]);
		i++;
		values[i] = array_or_null(rule.free_statuses, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.inactive_column, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.time_column, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.time_zone, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.label, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.booking_label, &nulls[i]);
		i++;
		values[i] = BoolGetDatum(rule.keep_attached);
		nulls[i] = !ok;
		i++;
		values[i] = text_or_null(ok ?
								 rule_definition(&rule, sibling,
												 service->relid,
												 service->from_relid) : NULL,
								 &nulls[i]);
		i++;

		/* The function as version 1.0 declared it has no more columns. */
		values[i] = text_or_null(rule.retire_column, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.retire_value, &nulls[i]);
		i++;
		values[i] = text_or_null(rule.mode, &nulls[i]);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

static void
add_finding(ReturnSetInfo *rsinfo, const char *guard, const char *severity,
			const char *problem, const char *fix)
{
	Datum		values[4];
	bool		nulls[4] = {false};

	values[0] = CStringGetTextDatum(guard);
	values[1] = CStringGetTextDatum(severity);
	values[2] = CStringGetTextDatum(problem);
	values[3] = text_or_null(fix, &nulls[3]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Arguments and result of resolve(). */
typedef struct Resolution
{
	Oid			trigger_oid;
	GuardSide	side;
	Guard	   *guard;
} Resolution;

static void
resolve(void *arg)
{
	Resolution *resolution = (Resolution *) arg;

	resolution->guard = guard_get(resolution->trigger_oid, resolution->side);
}

/*
 * Resolve a guard, and turn the error, if there is one, into a finding.
 */
static Guard *
try_guard(ReturnSetInfo *rsinfo, GuardTrigger *trigger, GuardSide side)
{
	Resolution	resolution = {trigger->oid, side, NULL};
	ErrorData  *edata = query_try(resolve, &resolution);

	if (edata == NULL)
		return resolution.guard;
	if (edata->sqlerrcode != ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE)
		ReThrowError(edata);
	add_finding(rsinfo, trigger->name, "error", edata->message, edata->hint);
	return NULL;
}

/*
 * Lock the tables of a guard that was listed without a lock, and see whether
 * its trigger is still there.
 */
static bool
lock_guard(const GuardTrigger *trigger)
{
	LockRelationOid(trigger->relid, AccessShareLock);
	if (OidIsValid(trigger->from_relid))
		LockRelationOid(trigger->from_relid, AccessShareLock);
	return catalog_trigger(trigger->oid) != NULL;
}

/*
 * Report a trigger, or a partition's clone of it, that does not fire for
 * ordinary sessions.
 */
static void
check_enabled(ReturnSetInfo *rsinfo, const char *guard,
			  const GuardTrigger *trigger)
{
	ListCell   *lc;

	foreach(lc, find_all_inheritors(trigger->relid, NoLock, NULL))
	{
		Oid			relid = lfirst_oid(lc);
		GuardTrigger *clone = catalog_trigger_by_name(relid, trigger->name);

		if (clone == NULL || clone->enabled == TRIGGER_FIRES_ON_ORIGIN ||
			clone->enabled == TRIGGER_FIRES_ALWAYS)
			continue;
		add_finding(rsinfo, guard, "error",
					psprintf("Trigger \"%s\" on table %s is disabled.",
							 trigger->name, report_table_name(relid)),
					psprintf("ALTER TABLE %s ENABLE TRIGGER %s;",
							 rule_table_name(relid),
							 quote_identifier(trigger->name)));
	}
}

/*
 * Report one of the triggers that the guards of a service table share, if it
 * is not there or does not fire.
 */
static void
check_shared(ReturnSetInfo *rsinfo, const GuardTrigger *service,
			 const char *name, const char *function)
{
	GuardTrigger *trigger = catalog_trigger_by_name(service->relid, name);
	const char *table = report_table_name(service->relid);

	if (trigger == NULL)
		add_finding(rsinfo, service->name, "error",
					psprintf("Trigger \"%s\" on table %s is missing.",
							 name, table),
					psprintf("CREATE TRIGGER %s %s ON %s FOR EACH %s EXECUTE FUNCTION %s();",
							 name,
							 strcmp(name, TRUNCATE_TRIGGER_NAME) == 0 ?
							 "AFTER TRUNCATE" : "BEFORE DELETE",
							 rule_table_name(service->relid),
							 strcmp(name, TRUNCATE_TRIGGER_NAME) == 0 ?
							 "STATEMENT" : "ROW",
							 quote_qualified_identifier(get_namespace_name(get_func_namespace(service->function)),
														function)));
	else if (trigger->function != catalog_function(service->function,
												   function))
		add_finding(rsinfo, service->name, "error",
					psprintf("Trigger \"%s\" on table %s is not booking_guard's.",
							 name, table),
					psprintf("DROP TRIGGER %s ON %s;", name,
							 rule_table_name(service->relid)));
	else
		check_enabled(rsinfo, service->name, trigger);
}

/*
 * booking_guard_health
 *
 * What weakens a guard now; no rows if all is well.  Takes ACCESS SHARE on
 * the guarded tables.
 */
Datum
booking_guard_health(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Oid			sibling = fcinfo->flinfo->fn_oid;
	ListCell   *lc;

	InitMaterializedSRF(fcinfo, 0);

	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *service = (GuardTrigger *) lfirst(lc);
		GuardTrigger *booking = NULL;
		Guard	   *guard;

		if (!lock_guard(service))
			continue;
		guard = try_guard(rsinfo, service, SERVICE_SIDE);
		if (OidIsValid(service->from_relid))
			booking = catalog_partner(service, BOOKING_SIDE);
		if (strcmp(service->name, RI_TRIGGER_NAME_PREFIX) >= 0)
			add_finding(rsinfo, service->name, "error",
						psprintf("Its trigger on table %s fires after the triggers of foreign keys.",
								 report_table_name(service->relid)),
						report_rename_fix(service->name, service->relid,
										  service->from_relid));
		check_enabled(rsinfo, service->name, service);
		if (booking != NULL)
			check_enabled(rsinfo, service->name, booking);
		check_shared(rsinfo, service, BEFORE_DELETE_TRIGGER_NAME,
					 BEFORE_DELETE_FUNCTION);
		check_shared(rsinfo, service, TRUNCATE_TRIGGER_NAME,
					 TRUNCATE_FUNCTION);

		if (guard != NULL && !protect_has_index(guard))
			add_finding(rsinfo, service->name, "warning",
						psprintf("No index of table %s serves the guard's count: every delete from table %s reads all of it.",
								 report_table_name(guard->booking_relid),
								 report_table_name(guard->service_relid)),
						report_index_fix(guard));
	}

	/* Guards of which only the booking side is left. */
	foreach(lc, catalog_guards(sibling, BOOKING_SIDE))
	{
		GuardTrigger *booking = (GuardTrigger *) lfirst(lc);

		if (!lock_guard(booking))
			continue;
		if (!OidIsValid(booking->from_relid) ||
			catalog_partner(booking, SERVICE_SIDE) == NULL)
			(void) try_guard(rsinfo, booking, BOOKING_SIDE);
	}
	return (Datum) 0;
}
