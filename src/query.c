/*-------------------------------------------------------------------------
 *
 * query.c
 *	  Run a guard's queries: as a table's owner, with the newest snapshot.
 *
 * This is the one place that knows whose eyes and which snapshot a guard
 * reads with.  It follows ri_PlanCheck() and ri_PerformCheck() in the
 * server's ri_triggers.c, but streams the rows to a callback: SPI would
 * first store them all, and a service may have a million bookings.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

/* Hands each row that the executor sends to a callback. */
typedef struct CallbackReceiver
{
	DestReceiver pub;
	QueryRowCallback callback;
	void	   *arg;
	MemoryContext row_context;	/* what the callback allocates */
} CallbackReceiver;

static void callback_startup(DestReceiver *self, int operation,
							 TupleDesc typeinfo);
static bool callback_receive(TupleTableSlot *slot, DestReceiver *self);
static void callback_noop(DestReceiver *self);


/*
 * query_become_owner
 *
 * Become the owner of a table, as the server's foreign keys do, so that
 * neither row-level security nor a missing privilege of the caller hides a
 * row, and so that no code of the owner's runs as anybody else.
 * SECURITY_NOFORCE_RLS sees past FORCE ROW LEVEL SECURITY as well.
 *
 * To plan a query may call functions of the owner's: those that are constant
 * in the predicate of an index.  As DefineIndex() does, keep them from changing
 * the caller's session: settings are put back, and little else can be done.
 * Nor must the caller choose what they call: like RestrictSearchPath() since
 * PostgreSQL 17, do not have them look up names in schemas of the caller's.
 *
 * Should an error be thrown before query_restore_user(), the abort of the
 * (sub)transaction restores the user and the settings.
 */
void
query_become_owner(Oid relid, SavedUser *saved)
{
	HeapTuple	tuple;
	Oid			owner;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", relid);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	GetUserIdAndSecContext(&saved->userid, &saved->sec_context);
	SetUserIdAndSecContext(owner,
						   saved->sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION |
						   SECURITY_NOFORCE_RLS);
	saved->guc_nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true,
							 0, false);
}

/*
 * query_restore_user
 *
 * Undo query_become_owner().
 */
void
query_restore_user(const SavedUser *saved)
{
	AtEOXact_GUC(false, saved->guc_nestlevel);
	SetUserIdAndSecContext(saved->userid, saved->sec_context);
}

/*
 * query_read_value
 *
 * A value of a type, as its input function reads it: as the owner of
 * as_owner_of, or as the caller if that is InvalidOid.  Raises what the input
 * function raises.
 */
Datum
query_read_value(const char *string, Oid type, Oid as_owner_of)
{
	SavedUser	saved;
	Oid			input;
	Oid			ioparam;
	Datum		value;

	getTypeInputInfo(type, &input, &ioparam);
	if (OidIsValid(as_owner_of))
		query_become_owner(as_owner_of, &saved);
	value = OidInputFunctionCall(input, pstrdup(string), ioparam, -1);
	if (OidIsValid(as_owner_of))
		query_restore_user(&saved);
	return value;
}

/*
 * query_prepare
 *
 * Prepare a query and keep its plan until query_forget().  It is planned as
 * the owner of as_owner_of, or as the caller if that is InvalidOid.
 */
SPIPlanPtr
query_prepare(const char *sql, int nargs, Oid *argtypes, Oid as_owner_of)
{
	SPIPlanPtr	plan;
	SavedUser	saved;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	if (OidIsValid(as_owner_of))
		query_become_owner(as_owner_of, &saved);

	plan = SPI_prepare(sql, nargs, argtypes);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare returned %s for %s",
			 SPI_result_code_string(SPI_result), sql);

	if (OidIsValid(as_owner_of))
		query_restore_user(&saved);

	SPI_keepplan(plan);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");

	return plan;
}

/*
 * query_forget
 *
 * Free a plan, if there is one, and forget it.
 */
void
query_forget(SPIPlanPtr *plan)
{
	if (*plan != NULL)
		SPI_freeplan(*plan);
	*plan = NULL;
}

/*
 * query_is_ready
 *
 * Whether a plan is there and can still be used.  A query names tables and
 * types by the names they had when it was prepared; once anything about
 * them has changed the text must be made anew, as ri_FetchPreparedPlan()
 * explains.  A plan that is of no use any more is freed when the transaction
 * ends: what invalidated it may have been a trigger that it has fired.
 */
bool
query_is_ready(SPIPlanPtr *plan)
{
	if (*plan != NULL && SPI_plan_is_valid(*plan))
		return true;

	if (*plan != NULL)
		guard_retire_plan(*plan);
	*plan = NULL;
	return false;
}

/*
 * query_run
 *
 * Run a prepared SELECT from a table, with or without row locks, to its end;
 * hand each row to callback (if not NULL) and return how many there were.
 * params are of the types that the plan was prepared with.  It is run as the
 * table's owner, or as the caller.
 *
 * The snapshot is the newest there is, taken after the plan's table locks
 * and after a command counter increment: at every isolation level it sees
 * all that has been committed by now and all that this transaction has done,
 * in this command too.  Under REPEATABLE READ and SERIALIZABLE the
 * transaction's own snapshot would miss bookings that were committed since
 * it was taken.  There is no crosscheck snapshot: a row that the
 * transaction's snapshot cannot see is the very thing we look for.
 */
uint64
query_run(SPIPlanPtr plan, const KeyValues *params, Oid relid,
		  bool as_owner, QueryRowCallback callback, void *arg)
{
	return query_run_at(plan, params, relid, as_owner, InvalidSnapshot,
						callback, arg);
}

/*
 * query_run_at
 *
 * The same with a snapshot that the caller has, or with the newest if that is
 * InvalidSnapshot.
 */
uint64
query_run_at(SPIPlanPtr plan, const KeyValues *params, Oid relid,
			 bool as_owner, Snapshot snapshot, QueryRowCallback callback,
			 void *arg)
{
	CachedPlanSource *source;
	CachedPlan *cached;
	PlannedStmt *stmt;
	ParamListInfo paramlist;
	QueryDesc  *desc;
	CallbackReceiver receiver;
	SavedUser	saved;
	uint64		processed;

	memset(&receiver, 0, sizeof(receiver));
	receiver.pub.receiveSlot = callback_receive;
	receiver.pub.rStartup = callback_startup;
	receiver.pub.rShutdown = callback_noop;
	receiver.pub.rDestroy = callback_noop;
	receiver.pub.mydest = DestNone;
	receiver.callback = callback;
	receiver.arg = arg;
	receiver.row_context = AllocSetContextCreate(CurrentMemoryContext,
												 "booking_guard row",
												 ALLOCSET_SMALL_SIZES);

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");

	source = (CachedPlanSource *) linitial(SPI_plan_get_plan_sources(plan));
	Assert(source->num_params == params->n);

	paramlist = makeParamList(params->n);
	for (int i = 0; i < params->n; i++)
	{
		paramlist->params[i].value = params->value[i];
		paramlist->params[i].isnull = params->isnull[i];
		paramlist->params[i].pflags = PARAM_FLAG_CONST;
		paramlist->params[i].ptype = source->param_types[i];
	}

	if (as_owner)
		query_become_owner(relid, &saved);

	/*
	 * Should the plan have to be made anew, which partitions a table has
	 * depends on the active snapshot while one is being detached concurrently.
	 * With the newest one it has gone as soon as others may not use it.
	 */
	PushActiveSnapshot(GetLatestSnapshot());
	cached = SPI_plan_get_cached_plan(plan);
	if (cached == NULL)
		elog(ERROR, "no plan for \"%s\"", source->query_string);
	PopActiveSnapshot();

	stmt = linitial_node(PlannedStmt, cached->stmt_list);

	/*
	 * The table cannot have been renamed, since it is locked, but its schema
	 * can: a plan that was made anew just now may read another table.
	 */
	if (!list_member_oid(stmt->relationOids, relid))
		report_renamed_meanwhile(relid);

	CommandCounterIncrement();
	PushActiveSnapshot(snapshot != InvalidSnapshot ?
					   snapshot : GetLatestSnapshot());

	desc = CreateQueryDesc(stmt, source->query_string,
						   GetActiveSnapshot(), InvalidSnapshot,
						   &receiver.pub, paramlist, NULL, 0);
	ExecutorStart(desc, EXEC_FLAG_SKIP_TRIGGERS);
	compat_ExecutorRun(desc);
	processed = desc->estate->es_processed;
	ExecutorFinish(desc);
	ExecutorEnd(desc);
	FreeQueryDesc(desc);

	PopActiveSnapshot();
	ReleaseCachedPlan(cached, CurrentResourceOwner);
	MemoryContextDelete(receiver.row_context);

	if (as_owner)
		query_restore_user(&saved);

	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");

	return processed;
}

/*
 * query_run_once
 *
 * The same for a query that is not worth keeping; params->n and argtypes go
 * with it.
 */
uint64
query_run_once(const char *sql, Oid *argtypes, const KeyValues *params,
			   Oid relid, bool as_owner, QueryRowCallback callback,
			   void *arg)
{
	SPIPlanPtr	plan = query_prepare(sql, params->n, argtypes,
									 as_owner ? relid : InvalidOid);
	volatile uint64 processed = 0;

	PG_TRY();
	{
		processed = query_run(plan, params, relid, as_owner, callback, arg);
	}
	PG_FINALLY();
	{
		query_forget(&plan);
	}
	PG_END_TRY();
	return processed;
}

/*
 * query_execute
 *
 * Execute a statement that is no query, as the caller.
 */
void
query_execute(const char *sql)
{
	int			result;

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	result = SPI_execute(sql, false, 0);
	if (result < 0)
		elog(ERROR, "SPI_execute returned %s for %s",
			 SPI_result_code_string(result), sql);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
}

/*
 * query_try
 *
 * Call action(arg) in a subtransaction: NULL, or the error that it raised,
 * with what it had done undone.
 */
ErrorData *
query_try(void (*action) (void *arg), void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile edata = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		action(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		edata = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return edata;
}

/*
 * query_rethrow_grave
 *
 * Raise such an error again, unless it can be laid to what was tried: out of
 * memory, cancelled, a serialization failure or what cannot happen says
 * nothing about that.
 */
void
query_rethrow_grave(ErrorData *edata)
{
	switch (ERRCODE_TO_CATEGORY(edata->sqlerrcode))
	{
		case ERRCODE_INSUFFICIENT_RESOURCES:
		case ERRCODE_PROGRAM_LIMIT_EXCEEDED:
		case ERRCODE_OPERATOR_INTERVENTION:
		case ERRCODE_TRANSACTION_ROLLBACK:
		case ERRCODE_SYSTEM_ERROR:
		case ERRCODE_INTERNAL_ERROR:
			ReThrowError(edata);
	}
}

static void
callback_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static bool
callback_receive(TupleTableSlot *slot, DestReceiver *self)
{
	CallbackReceiver *receiver = (CallbackReceiver *) self;

	if (receiver->callback != NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(receiver->row_context);

		receiver->callback(slot, receiver->arg);
		MemoryContextSwitchTo(old);
		MemoryContextReset(receiver->row_context);
	}
	return true;
}

static void
callback_noop(DestReceiver *self)
{
}

/*
 * query_relation
 *
 * "[ONLY] schema.table x".  ONLY on ordinary tables: a guard never stands on
 * an inheritance parent, and a partitioned table's rows are in its
 * partitions.
 */
char *
query_relation(Oid relid)
{
	return psprintf("%s%s x",
					get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE ?
					"" : "ONLY ",
					rule_table_name(relid));
}

/*
 * query_append_relation
 *
 * Append " FROM ", and the table.
 */
void
query_append_relation(StringInfo sql, Oid relid)
{
	appendStringInfo(sql, " FROM %s", query_relation(relid));
}

/*
 * query_column
 *
 * A column of the table that a query names x; one of a domain as a value of
 * its base type, since the parser does not look through a domain where an
 * operator is polymorphic.
 */
char *
query_column(Oid relid, const char *name)
{
	Oid			type = get_atttype(relid, get_attnum(relid, name));
	Oid			base_type = getBaseType(type);
	char	   *column = psprintf("x.%s", quote_identifier(name));

	if (type == base_type)
		return column;
	return psprintf("%s::%s", column, query_type_name(base_type));
}

/*
 * query_key_column
 *
 * The same for a column of a key, under the collation that decides which of
 * its values are equal; InvalidOid if none does.
 */
char *
query_key_column(Oid relid, const char *name, Oid collation)
{
	char	   *column = query_column(relid, name);

	if (!OidIsValid(collation))
		return column;
	return psprintf("(%s COLLATE %s)", column,
					query_collation_name(collation));
}

/*
 * query_type_name
 *
 * A type's name that no search_path and no SQL syntax changes the meaning
 * of; see the server's add_cast_to().
 */
char *
query_type_name(Oid type)
{
	HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	Form_pg_type form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for type %u", type);
	form = (Form_pg_type) GETSTRUCT(tuple);
	result = quote_qualified_identifier(get_namespace_name(form->typnamespace),
										NameStr(form->typname));
	ReleaseSysCache(tuple);
	return result;
}

/*
 * query_collation_name
 *
 * The same for a collation.
 */
char *
query_collation_name(Oid collation)
{
	HeapTuple	tuple = SearchSysCache1(COLLOID, ObjectIdGetDatum(collation));
	Form_pg_collation form;
	char	   *result;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for collation %u", collation);
	form = (Form_pg_collation) GETSTRUCT(tuple);
	result = quote_qualified_identifier(get_namespace_name(form->collnamespace),
										NameStr(form->collname));
	ReleaseSysCache(tuple);
	return result;
}
