/*-------------------------------------------------------------------------
 *
 * safe_delete.c
 *	  safe_delete_service(), safe_retire_service() and
 *	  booking_guard_blocking_bookings().
 *
 * All take a service by its id, and look for it first as the caller does:
 * with the caller's privileges, under the caller's row-level security and
 * tenant.  A row that the caller cannot see is no such service.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/fmgrprotos.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"
#include "utils/typcache.h"

#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(safe_delete_service);
PG_FUNCTION_INFO_V1(safe_retire_service);
PG_FUNCTION_INFO_V1(booking_guard_blocking_bookings);

/* The service that a call is about. */
typedef struct ServiceCall
{
	Oid			relid;
	List	   *guards;			/* its guards (Guard *) in firing order */
	Guard	   *identifying;	/* the one whose key the id is of */
	Guard	   *retiring;		/* one that says what is retired, or NULL */
	const char *tenant_column;	/* or NULL */
	int			ncolumns;		/* the id's columns, then the tenant's */
	struct
	{
		const char *name;
		Oid			type;
		Oid			eq_opr;
		Oid			collation;		/* to name in queries, or InvalidOid */
	}			column[MAX_PARAMS];
	KeyValues	values;			/* of these columns */
} ServiceCall;

/* One row of booking_guard_blocking_bookings(), before it is sorted. */
typedef struct BlockingBooking
{
	Guard	   *guard;
	char	   *id;
	char	   *status;
	bool		has_start;
	TimestampTz start;
} BlockingBooking;

typedef struct BlockingList
{
	MemoryContext context;
	BlockingBooking *booking;
	int			n;
	int			allocated;
	AttrNumber	nids;			/* columns of the booking's primary key */
} BlockingList;


/* ----------------------------------------------------------------
 *		Which service
 * ----------------------------------------------------------------
 */

/*
 * An argument as strings: the elements of an array, or the one value.
 */
static List *
argument_strings(FunctionCallInfo fcinfo, int argno, bool as_whole)
{
	Oid			type = get_fn_expr_argtype(fcinfo->flinfo, argno);
	Oid			element_type = get_element_type(getBaseType(type));
	Datum		value = PG_GETARG_DATUM(argno);
	List	   *strings = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int16		typlen;
	bool		typbyval;
	char		typalign;

	if (!OidIsValid(element_type) || as_whole)
		return list_make1(report_value(type, value));

	get_typlenbyvalalign(element_type, &typlen, &typbyval, &typalign);
	deconstruct_array(DatumGetArrayTypeP(value), element_type,
					  typlen, typbyval, typalign, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			report_bad_list("service_id");
		strings = lappend(strings, report_value(element_type, elements[i]));
	}
	return strings;
}

static void
add_column(ServiceCall *call, const char *name, Oid eq_opr, Oid collation)
{
	Oid			type = get_atttype(call->relid, get_attnum(call->relid, name));

	if (!OidIsValid(eq_opr))
		eq_opr = lookup_type_cache(type, TYPECACHE_EQ_OPR)->eq_opr;
	call->column[call->ncolumns].name = name;
	call->column[call->ncolumns].type = type;
	call->column[call->ncolumns].eq_opr = eq_opr;
	call->column[call->ncolumns].collation = collation;
	call->ncolumns++;
}

/*
 * Set the value of the next column, as the input function of its base type
 * reads it: a domain's CHECK is the owner's, and not for the caller to run.
 * Nor are those that other types may have in them.
 */
static void
add_value(ServiceCall *call, const char *string)
{
	int			i = call->values.n++;
	Oid			type = getBaseType(call->column[i].type);

	call->values.value[i] =
		query_read_value(string, type,
						 resolve_type_calls(type) ? call->relid : InvalidOid);
	call->values.isnull[i] = false;
}

/*
 * Understand the arguments (service_id, tenant_id, service_table) of a call.
 */
static void
read_call(FunctionCallInfo fcinfo, const char *function, ServiceCall *call)
{
	List	   *strings;
	List	   *names = NIL;
	Relation	service;
	Oid			trigger_function;
	ListCell   *lc;

	memset(call, 0, sizeof(ServiceCall));

	if (PG_ARGISNULL(0))
		report_null_argument(function, "service_id");

	if (PG_ARGISNULL(2))
	{
		call->relid = guard_default_service(fcinfo->flinfo->fn_oid);
		if (!OidIsValid(call->relid))
			report_no_default_service(fcinfo->flinfo->fn_oid);
	}
	else
		call->relid = PG_GETARG_OID(2);

	service = try_relation_open(call->relid, AccessShareLock);
	if (service == NULL)
		report_no_such_table(call->relid);
	trigger_function = catalog_function(fcinfo->flinfo->fn_oid,
										SERVICE_FUNCTION);
	call->guards = guard_of_service(service, trigger_function, false);
	relation_close(service, NoLock);
	if (call->guards == NIL)
	{
		List	   *triggers = catalog_triggers_on(call->relid, trigger_function);

		/* One that cannot be understood does not say what the id is of. */
		if (triggers != NIL)
			(void) guard_get(((GuardTrigger *) linitial(triggers))->oid,
							 SERVICE_SIDE);
		report_not_guarded(call->relid);
	}
	call->identifying = guard_identifying(call->guards);
	call->tenant_column = call->identifying->rule->tenant_column;
	foreach(lc, call->guards)
	{
		Guard	   *guard = (Guard *) lfirst(lc);

		/* its own key's guard, if that tells: its time_zone counts */
		if (guard->rule->retire_column != NULL &&
			(call->retiring == NULL || guard == call->identifying))
			call->retiring = guard;
	}

	if (call->tenant_column != NULL && PG_ARGISNULL(1))
		report_tenant_required(call->relid, call->tenant_column);
	if (call->tenant_column == NULL && !PG_ARGISNULL(1))
		report_tenant_unknown(call->relid);

	/* The id is the key, less the tenant's column. */
	for (int i = 0; i < call->identifying->nkeys; i++)
	{
		GuardKeyColumn *key = &call->identifying->key[i];

		if (call->tenant_column != NULL &&
			strcmp(call->tenant_column, key->service_name) == 0)
			continue;
		add_column(call, key->service_name, key->service_eq_opr,
				   key->collation);
		names = lappend(names, key->service_name);
	}

	strings = argument_strings(fcinfo, 0,
							   call->ncolumns == 1 &&
							   OidIsValid(get_element_type(call->column[0].type)));
	if (list_length(strings) != call->ncolumns)
		report_id_length(call->relid, names, list_length(strings));
	foreach(lc, strings)
		add_value(call, (char *) lfirst(lc));

	if (call->tenant_column != NULL)
	{
		add_column(call, call->tenant_column, InvalidOid, InvalidOid);
		add_value(call,
				  (char *) linitial(argument_strings(fcinfo, 1, true)));
	}
}

/*
 * Append " WHERE ...", the call's service in the table that is named x.
 */
static void
append_service(StringInfo sql, ServiceCall *call, Oid *argtypes)
{
	for (int i = 0; i < call->ncolumns; i++)
	{
		Oid			type = getBaseType(call->column[i].type);

		argtypes[i] = type;
		appendStringInfoString(sql, i == 0 ? " WHERE " : " AND ");
		generate_operator_clause(sql,
								 query_key_column(call->relid,
												  call->column[i].name,
												  call->column[i].collation),
								 type, call->column[i].eq_opr,
								 psprintf("$%d", i + 1), type);
	}
}

/*
 * Run a statement about the service as the caller, with the snapshot that
 * the caller's own statement would have; returns the number of rows.  verb is
 * its beginning, to which the table's name is added, and " SET ..." if column
 * is not NULL: then that is set to value, which is of the type given.
 *
 * Wait for the table here, with the lock that the statement takes, if we must:
 * while it waited itself the table's schema could be renamed, and the statement
 * would find another table under the old name.
 */
static uint64
run_as_caller(SPIPlanPtr *plan, const char *verb, LOCKMODE lockmode,
			  ServiceCall *call, const char *column, Oid type, Datum value)
{
	KeyValues	params = call->values;
	char		nulls[MAX_PARAMS];
	uint64		processed;
	int			result;

	if (column != NULL)
		params.value[params.n++] = value;

	LockRelationOid(call->relid, lockmode);
	if (!query_is_ready(plan))
	{
		StringInfoData sql;
		Oid			argtypes[MAX_PARAMS];

		initStringInfo(&sql);
		appendStringInfo(&sql, "%s %s", verb, query_relation(call->relid));
		if (column != NULL)
		{
			argtypes[params.n - 1] = type;
			appendStringInfo(&sql, " SET %s = $%d", quote_identifier(column),
							 params.n);
		}
		append_service(&sql, call, argtypes);
		*plan = query_prepare(sql.data, params.n, argtypes, InvalidOid);
	}

	memset(nulls, ' ', sizeof(nulls));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute_plan(*plan, params.value, nulls, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute_plan returned %s",
			 SPI_result_code_string(result));
	processed = SPI_processed;
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	return processed;
}

/*
 * Whether the caller sees the service.
 */
static bool
find_service(ServiceCall *call)
{
	bool		found;

	/* without a tenant the values are the key's, in its order */
	if (call->tenant_column == NULL &&
		probe_find_service(call->identifying, &call->values, &found))
		return found;
	return run_as_caller(&call->identifying->find_plan, "SELECT 1 FROM",
						 AccessShareLock, call,
						 NULL, InvalidOid, (Datum) 0) > 0;
}

/* Where fetch_key() puts a row's values. */
typedef struct KeyFetch
{
	MemoryContext context;
	KeyValues  *key;
} KeyFetch;

/*
 * Row callback of service_key().
 */
static void
fetch_key(TupleTableSlot *slot, void *arg)
{
	KeyFetch   *fetch = (KeyFetch *) arg;
	MemoryContext old = MemoryContextSwitchTo(fetch->context);

	for (int i = 0; i < fetch->key->n; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor, i);
		Datum		value = slot_getattr(slot, i + 1, &fetch->key->isnull[i]);

		fetch->key->value[i] = fetch->key->isnull[i] ? (Datum) 0 :
			datumCopy(value, att->attbyval, att->attlen);
	}
	MemoryContextSwitchTo(old);
}

/*
 * The service's key for one of its guards.  Guards mostly share a key, which
 * is then the id (and tenant) of the call; else it is read from the row, as
 * the table's owner, since the caller need not be able to read all of it.
 * False if there is no key: the row is gone, or has a NULL in it.
 */
static bool
service_key(ServiceCall *call, Guard *guard, KeyValues *key)
{
	bool		all_known = true;
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];
	KeyFetch	fetch;
	uint64		found;

	key->n = guard->nkeys;
	for (int i = 0; i < guard->nkeys; i++)
	{
		int			j = 0;

		while (j < call->ncolumns &&
			   strcmp(call->column[j].name, guard->key[i].service_name) != 0)
			j++;
		if (j == call->ncolumns)
		{
			all_known = false;
			break;
		}
		key->value[i] = call->values.value[j];
		key->isnull[i] = false;
	}
	if (all_known)
		return true;

	initStringInfo(&sql);
	for (int i = 0; i < guard->nkeys; i++)
		appendStringInfo(&sql, "%s x.%s", i == 0 ? "SELECT" : ",",
						 quote_identifier(guard->key[i].service_name));
	query_append_relation(&sql, call->relid);
	append_service(&sql, call, argtypes);
	fetch.context = CurrentMemoryContext;
	fetch.key = key;
	found = query_run_once(sql.data, argtypes, &call->values, call->relid,
						   true, fetch_key, &fetch);

	for (int i = 0; i < key->n; i++)
	{
		if (found > 0 && key->isnull[i])
			return false;
	}
	return found > 0;
}


/* ----------------------------------------------------------------
 *		Is it retired
 * ----------------------------------------------------------------
 */

/*
 * What there is of the call's service, to the guard that says what is retired;
 * as the table's owner, since the caller need not be able to read the column,
 * and with the newest snapshot.  With lock, its row is locked FOR UPDATE.
 */
static ServiceState
call_state(ServiceCall *call, bool lock)
{
	StateReading reading = {call->retiring, SERVICE_MISSING};
	StringInfoData sql;
	Oid			argtypes[MAX_PARAMS];

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT x.%s",
					 quote_identifier(call->retiring->rule->retire_column));
	query_append_relation(&sql, call->relid);
	append_service(&sql, call, argtypes);
	if (lock)
		appendStringInfoString(&sql, " FOR UPDATE OF x");
	(void) query_run_once(sql.data, argtypes, &call->values, call->relid, true,
						  service_note_state, &reading);
	return reading.state;
}

/*
 * What to write into the retire_column, as a value of its base type: the
 * retire_value, or else the time of the transaction's start, by the clock of
 * the guard's zone if the column has none.
 */
static Datum
retirement_value(Guard *guard)
{
	AttrNumber	attnum = get_attnum(guard->service_relid,
									guard->rule->retire_column);
	Datum		now = TimestampTzGetDatum(GetCurrentTransactionStartTimestamp());
	Datum		local;

	if (get_attgenerated(guard->service_relid, attnum))
		report_retire_generated(guard);
	if (guard->rule->retire_value != NULL)
		return guard->retire_value;

	local = DirectFunctionCall2(timestamptz_zone,
								CStringGetTextDatum(guard->rule->time_zone),
								now);
	switch (getBaseType(guard->retire_type))
	{
		case TIMESTAMPTZOID:
			return now;
		case TIMESTAMPOID:
			return local;
		case DATEOID:
			return DirectFunctionCall1(timestamp_date, local);
		default:
			report_retire_by_hand(guard);
	}
}


/* ----------------------------------------------------------------
 *		safe_delete_service and safe_retire_service
 * ----------------------------------------------------------------
 */

/* What to do to a service, and what was done. */
typedef struct ServiceAction
{
	ServiceCall *call;
	RefusalKind kind;			/* REFUSE_DELETE or REFUSE_RETIRE */
	Datum		value;			/* to write, if it is to be retired */
	uint64		done;			/* rows */
} ServiceAction;

static void
delete_row(void *arg)
{
	ServiceAction *action = (ServiceAction *) arg;

	service_forget_refusal();
	action->done =
		run_as_caller(&action->call->identifying->delete_plan, "DELETE FROM",
					  RowExclusiveLock, action->call,
					  NULL, InvalidOid, (Datum) 0);
}

/*
 * Lock the row before the UPDATE does.  That would first take a weaker lock,
 * and the guard's trigger then FOR UPDATE: in between, a booker of the service
 * who goes on to update it would deadlock with us.  It also shows whether
 * somebody else has retired the service meanwhile.
 */
static void
retire_row(void *arg)
{
	ServiceAction *action = (ServiceAction *) arg;
	ServiceCall *call = action->call;

	service_forget_refusal();
	if (call_state(call, true) != SERVICE_THERE)
		return;
	action->done =
		run_as_caller(&call->identifying->retire_plan, "UPDATE",
					  RowExclusiveLock, call,
					  call->retiring->rule->retire_column,
					  getBaseType(call->retiring->retire_type),
					  action->value);
}

/*
 * Whether an error is the refusal of one of the service's own guards to do
 * this to this very service; if so, return the guard.  A cascade or a trigger
 * may have met another one.
 */
static Guard *
refusing_guard(ServiceAction *action, ErrorData *edata,
			   const Refusal *refusal)
{
	ServiceCall *call = action->call;
	ListCell   *lc;

	if (edata->sqlerrcode != ERRCODE_FOREIGN_KEY_VIOLATION ||
		edata->constraint_name == NULL ||
		refusal->kind != action->kind ||
		refusal->service_relid != call->relid ||
		strcmp(edata->constraint_name, refusal->name) != 0)
		return NULL;

	foreach(lc, call->guards)
	{
		Guard	   *guard = (Guard *) lfirst(lc);
		KeyValues	key;
		bool		same = true;

		if (strcmp(guard->name, refusal->name) != 0)
			continue;
		/* what this plans may have something else refused */
		if (!service_key(call, guard, &key))
			return NULL;
		for (int i = 0; same && i < key.n; i++)
			same = DatumGetBool(OidFunctionCall2Coll(get_opcode(guard->key[i].service_eq_opr),
													 guard->key[i].service_collation,
													 key.value[i],
													 refusal->key.value[i]));
		return same ? guard : NULL;
	}
	return NULL;
}

/*
 * Delete or retire the service as the caller, in a subtransaction.  True if it
 * was tried, see action->done; or, if one of the service's guards refused,
 * false with the guard, its sentence and what it counted, and the
 * subtransaction undone with all its locks.  Other errors go on.
 *
 * The guard's triggers do what is left to do: when the row is locked they
 * count with the newest snapshot, and again when it is gone.
 */
static bool
act_on_service(ServiceAction *action, Guard **blocking, char **message,
			   Refusal *refusal)
{
	ErrorData  *edata = query_try(action->kind == REFUSE_RETIRE ?
								  retire_row : delete_row, action);

	if (edata == NULL)
		return true;

	*refusal = service_take_refusal();
	*blocking = refusing_guard(action, edata, refusal);
	if (*blocking == NULL)
		ReThrowError(edata);
	*message = edata->message;
	return false;
}

static int
saturated_int32(int64 n)
{
	return n > PG_INT32_MAX ? PG_INT32_MAX : (int) n;
}

/*
 * Raise the server's own error unless the caller may do this to the service
 * table's rows.  Who may not need not know what is in the way.
 */
static void
check_privilege(ServiceCall *call, RefusalKind kind)
{
	AclResult	aclresult;

	aclresult = pg_class_aclcheck(call->relid, GetUserId(),
								  kind == REFUSE_RETIRE ?
								  ACL_UPDATE : ACL_DELETE);
	if (aclresult != ACLCHECK_OK && kind == REFUSE_RETIRE)
	{
		const char *column = call->retiring->rule->retire_column;

		aclresult = pg_attribute_aclcheck(call->relid,
										  get_attnum(call->relid, column),
										  GetUserId(), ACL_UPDATE);
	}
	if (aclresult != ACLCHECK_OK)
		aclcheck_error(aclresult, OBJECT_TABLE, get_rel_name(call->relid));
}

/*
 * Whether the service is still there for the caller to delete or retire.
 */
static bool
is_to_be_found(ServiceCall *call, RefusalKind kind)
{
	return find_service(call) &&
		(kind != REFUSE_RETIRE || call_state(call, false) == SERVICE_THERE);
}

/*
 * Delete or retire a service unless upcoming bookings need it; see
 * act_on_service() for locks.  Arguments: the id in any type that has a text
 * form (an array for a key of several columns), the tenant likewise, the
 * service table as regclass; see read_call() for the errors.
 */
static Datum
answer_with_verdict(FunctionCallInfo fcinfo, const char *function,
					RefusalKind kind)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ServiceCall call;
	ServiceAction action = {&call, kind, (Datum) 0, 0};
	Guard	   *blocking = NULL;
	Refusal		refusal = {0};
	const char *outcome;
	char	   *message = NULL;
	Datum		values[4];
	bool		nulls[4] = {false, true, true, false};
	ListCell   *lc;

	/* what is expected is what we return, and is there already */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	read_call(fcinfo, function, &call);
	if (kind == REFUSE_RETIRE && call.retiring == NULL)
		report_not_retiring(call.identifying);
	check_privilege(&call, kind);
	if (kind == REFUSE_RETIRE)
		action.value = retirement_value(call.retiring);

	if (!is_to_be_found(&call, kind))
		outcome = "not_found";
	else
	{
		/* Look before locking, so that a refusal makes no booker wait. */
		foreach(lc, call.guards)
		{
			Guard	   *guard = (Guard *) lfirst(lc);
			KeyValues	key;
			ClaimTally	tally;

			/* a guard that only warns does so when the row is changed */
			if (enforce_level(guard->rule->mode) != ERROR ||
				(kind == REFUSE_RETIRE && guard->rule->retire_column == NULL) ||
				!service_key(&call, guard, &key) ||
				!claims_count(guard, &key, &tally))
				continue;
			report_verdict(guard, kind, &key, &tally);
			blocking = guard;
			refusal.total = tally.total;
			refusal.has_start = tally.has_start;
			refusal.start = tally.start;
			message = report_refusal(guard, kind, call.relid, tally.total);
			break;
		}

		if (blocking != NULL ||
			!act_on_service(&action, &blocking, &message, &refusal))
			outcome = "blocked";
		else if (action.done > 0)
			outcome = kind == REFUSE_RETIRE ? "retired" : "deleted";
		else if (!is_to_be_found(&call, kind))
			outcome = "not_found";	/* somebody else was faster */
		else if (kind == REFUSE_RETIRE)
			report_retire_suppressed(call.identifying);
		else
			report_delete_suppressed(call.identifying);
	}

	if (strcmp(outcome, "blocked") == 0)
	{
		values[1] = Int32GetDatum(saturated_int32(refusal.total));
		nulls[1] = false;
		if (refusal.has_start && report_may_read(blocking, BOOKING_SIDE))
		{
			values[2] = TimestampTzGetDatum(refusal.start);
			nulls[2] = false;
		}
	}
	else if (strcmp(outcome, "not_found") == 0)
		message = report_not_found(call.identifying);
	else
	{
		values[1] = Int32GetDatum(0);
		nulls[1] = false;
		if (kind == REFUSE_RETIRE && call_state(&call, false) != SERVICE_RETIRED)
			report_retire_undone(call.retiring);
		message = kind == REFUSE_RETIRE ? report_retired(call.identifying) :
			report_deleted(call.identifying);
	}

	values[0] = CStringGetTextDatum(outcome);
	values[3] = CStringGetTextDatum(message);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}

/*
 * safe_delete_service
 *
 * Delete a service unless upcoming bookings need it.
 */
Datum
safe_delete_service(PG_FUNCTION_ARGS)
{
	return answer_with_verdict(fcinfo, "safe_delete_service", REFUSE_DELETE);
}

/*
 * safe_retire_service
 *
 * Retire a service unless upcoming bookings need it.
 */
Datum
safe_retire_service(PG_FUNCTION_ARGS)
{
	return answer_with_verdict(fcinfo, "safe_retire_service", REFUSE_RETIRE);
}


/* ----------------------------------------------------------------
 *		booking_guard_blocking_bookings
 * ----------------------------------------------------------------
 */

/*
 * Row callback of booking_guard_blocking_bookings().
 */
static void
collect_booking(Guard *guard, TupleTableSlot *slot,
				const ClaimColumns *columns, AttrNumber first_id, void *arg)
{
	BlockingList *list = (BlockingList *) arg;
	MemoryContext old = MemoryContextSwitchTo(list->context);
	BlockingBooking *booking;
	List	   *ids = NIL;

	if (list->n == list->allocated)
	{
		list->allocated = list->allocated > 0 ? 2 * list->allocated : 64;
		if (list->booking == NULL)
			list->booking = palloc(list->allocated * sizeof(BlockingBooking));
		else
			list->booking = repalloc_huge(list->booking,
										  list->allocated *
										  sizeof(BlockingBooking));
	}
	booking = &list->booking[list->n++];
	memset(booking, 0, sizeof(BlockingBooking));
	booking->guard = guard;
	booking->has_start = claims_start(guard, slot, columns, &booking->start);

	if (guard->rule->status_column != NULL)
	{
		bool		isnull;
		Datum		status = slot_getattr(slot, columns->status, &isnull);

		booking->status = report_value(guard->status_type, status);
	}

	for (int i = 0; i < list->nids; i++)
	{
		Form_pg_attribute att = TupleDescAttr(slot->tts_tupleDescriptor,
											  first_id + i - 1);
		bool		isnull;
		Datum		id = slot_getattr(slot, first_id + i, &isnull);

		ids = lappend(ids, report_value(att->atttypid, id));
	}
	if (list->nids == 1)
		booking->id = (char *) linitial(ids);
	else if (list->nids > 1)
		booking->id = rule_array_literal(ids);
	MemoryContextSwitchTo(old);
}

/* Soonest first; those without a time last. */
static int
compare_bookings(const void *a, const void *b)
{
	const BlockingBooking *ba = (const BlockingBooking *) a;
	const BlockingBooking *bb = (const BlockingBooking *) b;

	if (ba->has_start != bb->has_start)
		return ba->has_start ? -1 : 1;
	if (ba->has_start && ba->start != bb->start)
		return ba->start < bb->start ? -1 : 1;
	if (ba->guard != bb->guard)
		return strcmp(ba->guard->name, bb->guard->name);
	return ba->id != NULL ? strcmp(ba->id, bb->id) : 0;
}

/*
 * booking_guard_blocking_bookings
 *
 * The upcoming bookings that keep a service from being deleted, as far as the
 * caller may read them; none for a service that the caller does not see.
 * Arguments as of safe_delete_service().  Takes no row locks.
 */
Datum
booking_guard_blocking_bookings(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ServiceCall call;
	BlockingList list = {0};
	ListCell   *lc;

	/* what is expected is what we return, and is there already */
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	list.context = CurrentMemoryContext;
	read_call(fcinfo, BLOCKING_BOOKINGS_FUNCTION, &call);

	if (!find_service(&call))
		return (Datum) 0;

	foreach(lc, call.guards)
	{
		Guard	   *guard = (Guard *) lfirst(lc);
		List	   *ids = catalog_primary_key(guard->booking_relid);
		KeyValues	key;

		if (!service_key(&call, guard, &key))
			continue;
		list.nids = list_length(ids);
		claims_list(guard, &key, ids, collect_booking, &list);
	}

	if (list.n > 1)
		qsort(list.booking, list.n, sizeof(BlockingBooking),
			  compare_bookings);

	for (int i = 0; i < list.n; i++)
	{
		BlockingBooking *booking = &list.booking[i];
		Datum		values[4];
		bool		nulls[4] = {false};

		CHECK_FOR_INTERRUPTS();
		values[0] = CStringGetTextDatum(report_table_name(booking->guard->booking_relid));
		if (booking->id != NULL)
			values[1] = CStringGetTextDatum(booking->id);
		else
			nulls[1] = true;
		if (booking->status != NULL)
			values[2] = CStringGetTextDatum(booking->status);
		else
			nulls[2] = true;
		if (booking->has_start)
			values[3] = TimestampTzGetDatum(booking->start);
		else
			nulls[3] = true;
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
