/*-------------------------------------------------------------------------
 *
 * view.c
 *	  The rows of the view booking_guards: what guards there are.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/tuplestore.h"

#include "guard.h"

PG_FUNCTION_INFO_V1(booking_guard_list);

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
