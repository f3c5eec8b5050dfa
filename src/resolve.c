/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  A rule -> a guard: look up what the rule names.
 *
 * What cannot be resolved is an error.  booking_guard_protect() resolves a
 * rule before it makes a guard of it; in a trigger the error means that the
 * guard fails closed.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_enum.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "parser/parse_coerce.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "guard.h"
#include "report.h"


/*
 * A column by its name; InvalidAttrNumber if the table has no such column.
 */
static AttrNumber
user_column(Oid relid, const char *name)
{
	AttrNumber	attnum = get_attnum(relid, name);

	return attnum > 0 ? attnum : InvalidAttrNumber;
}

/*
 * A column that a rule names, in the table that the rule is about; an error
 * if there is none of that name, or if triggers do not get to see its values:
 * a virtual generated column is NULL in the rows they are given, so that any
 * booking would look inactive, or without a service, or not yet scheduled.
 */
static AttrNumber
rule_column(Guard *guard, Oid relid, const char *name, const char *option)
{
	AttrNumber	attnum = user_column(relid, name);

	if (attnum == InvalidAttrNumber)
		report_no_such_column(guard, relid, name, option);
	if (get_attgenerated(relid, attnum) == ATTRIBUTE_GENERATED_VIRTUAL)
		report_virtual_column(guard, relid, name);
	return attnum;
}

/*
 * The same column in the table that carries the trigger.
 */
static AttrNumber
carrier_column(Guard *guard, GuardSide side, const char *name)
{
	if (guard->side != side)
		return InvalidAttrNumber;
	return rule_column(guard, guard->carrier_relid, name, NULL);
}

/*
 * resolve_index_serves_key
 *
 * Whether an index is one that a guard's key may rest on, and if so which of
 * its columns is which of the key's (as list positions in position[]).
 *
 * It must be what a foreign key would ask for: unique, valid, not deferrable,
 * without predicate or expressions, on just these columns.  Then they are
 * among the columns that heap_update() looks at to tell a key change, and an
 * UPDATE of one conflicts with a booker's FOR KEY SHARE.
 *
 * The predicate and the expressions are only looked for, not evaluated: that
 * would run functions of the table's owner as whoever we are.
 */
bool
resolve_index_serves_key(Guard *guard, Relation index, int *position)
{
	Form_pg_index form = index->rd_index;

	if (!form->indisunique || !form->indisvalid || !form->indimmediate ||
		form->indnkeyatts != guard->nkeys ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL) ||
		!heap_attisnull(index->rd_indextuple, Anum_pg_index_indexprs, NULL) ||
		index->rd_rel->relam != BTREE_AM_OID)
		return false;

	for (int i = 0; i < guard->nkeys; i++)
	{
		position[i] = -1;
		for (int j = 0; j < form->indnkeyatts; j++)
		{
			if (form->indkey.values[j] == guard->key[i].service_attnum)
				position[i] = j;
		}
		if (position[i] < 0)
			return false;
	}
	return true;
}

/*
 * Whether a booking's key can be compared as a value of the service index's
 * type.  A foreign key takes any implicit cast; we take only the server's own,
 * since the cast is evaluated as the owner of either table, and whoever made
 * the type of a column may have made a cast that runs code of theirs.
 */
static bool
can_compare_as(GuardKeyColumn *key, Oid opcintype)
{
	Oid			input_types[2];
	Oid			target_types[2];
	CoercionPathType path;
	Oid			function;

	/* opcintype may be polymorphic, hence the pair; see the server's code */
	input_types[0] = key->service_type;
	input_types[1] = key->booking_type;
	target_types[0] = opcintype;
	target_types[1] = opcintype;
	if (!can_coerce_type(2, input_types, target_types, COERCION_IMPLICIT))
		return false;

	if (IsPolymorphicType(opcintype) || key->service_type == key->booking_type)
		return true;
	path = find_coercion_pathway(opcintype, key->booking_type,
								 COERCION_IMPLICIT, &function);
	return path == COERCION_PATH_RELABELTYPE ||
		(path == COERCION_PATH_FUNC && function < FirstNormalObjectId);
}

/*
 * The operators that compare one column of the key.  Follows the choice that
 * ATAddForeignKeyConstraint() makes for a foreign key.
 */
static void
resolve_key_operators(Guard *guard, GuardKeyColumn *key,
					  Oid opfamily, Oid opcintype, Oid collation)
{
	Oid			collations[3];
	bool		differ = false;
	bool		matter = false;

	key->service_eq_opr = get_opfamily_member(opfamily, opcintype, opcintype,
											  BTEqualStrategyNumber);
	if (!OidIsValid(key->service_eq_opr))
		elog(ERROR, "missing equality operator for type %u in opfamily %u",
			 opcintype, opfamily);

	key->eq_opr = get_opfamily_member(opfamily, opcintype,
									  key->booking_type,
									  BTEqualStrategyNumber);
	if (!OidIsValid(key->eq_opr))
	{
		if (!can_compare_as(key, opcintype))
			report_key_types_differ(guard, key);
		key->eq_opr = key->service_eq_opr;
	}

	/*
	 * All deterministic collations have the same equality, and a query that
	 * names none can use an index of any.  Only where a collation has a say
	 * in what is equal must that of the service's index be the one.
	 */
	collations[0] = collation;
	collations[1] = catalog_column_collation(guard->service_relid,
											 key->service_attnum);
	collations[2] = catalog_column_collation(guard->booking_relid,
											 key->booking_attnum);
	key->service_collation = collation;
	key->collation = InvalidOid;
	for (int i = 0; OidIsValid(collation) && i < (int) lengthof(collations); i++)
	{
		differ |= collations[i] != collation;
		matter |= OidIsValid(collations[i]) &&
			!get_collation_isdeterministic(collations[i]);
	}
	if (differ && matter)
		key->collation = collation;
}

static void
resolve_key(Guard *guard)
{
	const GuardRule *rule = guard->rule;
	Relation	service;
	List	   *indexes;
	ListCell   *lc;
	bool		found = false;

	guard->nkeys = list_length(rule->service_key);
	if (guard->nkeys != list_length(rule->booking_key) ||
		guard->nkeys > INDEX_MAX_KEYS)
		report_key_lengths_differ(guard);

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];

		key->service_name = list_nth(rule->service_key, i);
		key->booking_name = list_nth(rule->booking_key, i);
		key->service_attnum = rule_column(guard, guard->service_relid,
										   key->service_name, "service_key");
		key->booking_attnum = rule_column(guard, guard->booking_relid,
										   key->booking_name, "booking_key");
		key->service_type = getBaseType(get_atttype(guard->service_relid,
													key->service_attnum));
		key->booking_type = getBaseType(get_atttype(guard->booking_relid,
													key->booking_attnum));
		key->attnum = guard->side == SERVICE_SIDE ?
			carrier_column(guard, SERVICE_SIDE, key->service_name) :
			carrier_column(guard, BOOKING_SIDE, key->booking_name);

		for (int j = 0; j < i; j++)
		{
			if (guard->key[j].service_attnum == key->service_attnum ||
				guard->key[j].booking_attnum == key->booking_attnum)
				report_key_repeats(guard);
		}
	}

	if (rule->tenant_column != NULL)
	{
		Oid			tenant_type;

		guard->tenant_attnum = rule_column(guard, guard->service_relid,
											rule->tenant_column,
											"tenant_column");
		tenant_type = get_atttype(guard->service_relid, guard->tenant_attnum);
		if (!OidIsValid(lookup_type_cache(tenant_type,
										  TYPECACHE_EQ_OPR)->eq_opr))
			report_tenant_type(guard, tenant_type);
		if (guard->side == SERVICE_SIDE)
			guard->tenant_attnum = carrier_column(guard, SERVICE_SIDE,
												  rule->tenant_column);
	}

	service = relation_open(guard->service_relid, AccessShareLock);
	indexes = RelationGetIndexList(service);
	foreach(lc, indexes)
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);
		int			position[INDEX_MAX_KEYS];

		if ((!found || index->rd_index->indisprimary) &&
			resolve_index_serves_key(guard, index, position))
		{
			found = true;
			guard->key_is_primary = index->rd_index->indisprimary;
			for (int i = 0; i < guard->nkeys; i++)
			{
				int			j = position[i];

				resolve_key_operators(guard, &guard->key[i],
									  index->rd_opfamily[j],
									  index->rd_opcintype[j],
									  index->rd_indcollation[j]);
			}
		}
		index_close(index, AccessShareLock);
	}
	list_free(indexes);
	relation_close(service, NoLock);

	if (!found)
		report_no_unique_index(guard);
}

/*
 * resolve_type_calls
 *
 * Whether to read a value of a type may call functions that are not the
 * server's or a superuser's, who alone makes base types: a domain has CHECKs,
 * and may be in what a composite type, an array or a range is made of.
 */
bool
resolve_type_calls(Oid type)
{
	return type >= FirstNormalObjectId && !type_is_enum(type) &&
		(get_typtype(type) != TYPTYPE_BASE ||
		 OidIsValid(get_element_type(type)));
}

/* Arguments and result of read_value(). */
typedef struct ValueReading
{
	Oid			relid;			/* the column's table */
	Oid			type;
	const char *string;
	Datum		value;
} ValueReading;

static void
read_value(void *arg)
{
	ValueReading *reading = (ValueReading *) arg;

	/* A composite type may have a domain in it, whose CHECK calls anything. */
	reading->value = query_read_value(reading->string, reading->type,
									  reading->relid);
}

/*
 * A value that a rule gives as text, as a value of the base type of a column of
 * this table; false if that has no such value.
 */
static bool
read_rule_value(Oid relid, Oid type, const char *string, Datum *value)
{
	ValueReading reading = {relid, type, string, (Datum) 0};
	ErrorData  *edata;

	if (type_is_enum(type))
	{
		HeapTuple	tuple = NULL;

		if (strlen(string) < NAMEDATALEN)
			tuple = SearchSysCache2(ENUMTYPOIDNAME, ObjectIdGetDatum(type),
									CStringGetDatum(string));
		if (!HeapTupleIsValid(tuple))
			return false;
		*value = ObjectIdGetDatum(((Form_pg_enum) GETSTRUCT(tuple))->oid);
		ReleaseSysCache(tuple);
		return true;
	}

	/* The string types refuse nothing: spare them the subtransaction. */
	if (TypeCategory(type) == TYPCATEGORY_STRING)
		read_value(&reading);
	else
	{
		edata = query_try(read_value, &reading);
		if (edata != NULL)
		{
			/* What a CHECK calls may say in any way that it will not have it. */
			query_rethrow_grave(edata);
			return false;
		}
	}
	*value = reading.value;
	return true;
}

/*
 * The equality that all enums share.  The type cache knows it too, but to find
 * it there the first time costs as much as all else that is looked up for a
 * guard.
 */
static Oid
enum_equality(void)
{
	return OpernameGetOprid(list_make2(makeString("pg_catalog"),
									   makeString("=")),
							ANYENUMOID, ANYENUMOID);
}

static void
resolve_status(Guard *guard)
{
	GuardRule  *rule = guard->rule;
	Oid			relid = guard->booking_relid;
	AttrNumber	attnum;
	List	   *labels;
	ListCell   *lc;

	if (rule->inactive_column != NULL)
	{
		(void) rule_column(guard, relid, rule->inactive_column,
							"inactive_column");
		guard->columns.inactive = carrier_column(guard, BOOKING_SIDE,
												 rule->inactive_column);
	}

	if (rule->status_column == NULL)
		return;

	attnum = rule_column(guard, relid, rule->status_column, "status_column");
	guard->columns.status = carrier_column(guard, BOOKING_SIDE,
										   rule->status_column);
	guard->status_type = get_atttype(relid, attnum);
	guard->status_base_type = getBaseType(guard->status_type);
	guard->status_collation = catalog_column_collation(relid, attnum);
	guard->status_is_enum = type_is_enum(guard->status_base_type);
	guard->status_type_hash =
		GetSysCacheHashValue1(TYPEOID,
							  ObjectIdGetDatum(guard->status_base_type));

	guard->status_eq_opr = guard->status_is_enum ? enum_equality() :
		lookup_type_cache(guard->status_base_type, TYPECACHE_EQ_OPR)->eq_opr;
	if (!OidIsValid(guard->status_eq_opr) ||
		!OidIsValid(get_array_type(guard->status_base_type)))
		report_status_type(guard);
	fmgr_info_cxt(get_opcode(guard->status_eq_opr), &guard->status_eq,
				  guard->context);

	guard->statuses_block = rule->blocking_statuses != NIL;
	labels = rule_statuses(rule);
	guard->statuses = palloc(list_length(labels) * sizeof(Datum));
	foreach(lc, labels)
	{
		if (!read_rule_value(relid, guard->status_base_type,
							 (char *) lfirst(lc),
							 &guard->statuses[guard->nstatuses++]))
			report_unknown_status(guard, (char *) lfirst(lc));
	}
}

/*
 * The column that says whether a service is retired, and the value that says
 * so; see service_is_retired().
 */
static void
resolve_retirement(Guard *guard)
{
	const GuardRule *rule = guard->rule;
	AttrNumber	attnum;
	Oid			base_type;
	TypeCacheEntry *typcache;

	if (rule->retire_column == NULL)
		return;

	attnum = rule_column(guard, guard->service_relid, rule->retire_column,
						 "retire_column");
	guard->retire_attnum = carrier_column(guard, SERVICE_SIDE,
										  rule->retire_column);
	for (int i = 0; i < guard->nkeys; i++)
	{
		if (guard->key[i].service_attnum == attnum)
			report_retire_column_in_key(guard);
	}

	guard->retire_type = get_atttype(guard->service_relid, attnum);
	base_type = getBaseType(guard->retire_type);

	if (rule->retire_value == NULL)
	{
		/* false would retire a service as well as true does */
		if (base_type == BOOLOID)
			report_retire_boolean(guard);
		return;
	}

	guard->retire_collation = catalog_column_collation(guard->service_relid,
													   attnum);
	guard->retire_is_enum = type_is_enum(base_type);
	guard->retire_type_hash =
		GetSysCacheHashValue1(TYPEOID, ObjectIdGetDatum(base_type));
	typcache = lookup_type_cache(base_type, TYPECACHE_EQ_OPR_FINFO);
	if (!OidIsValid(typcache->eq_opr))
		report_retire_type(guard);
	fmgr_info_copy(&guard->retire_eq, &typcache->eq_opr_finfo,
				   guard->context);
	if (!read_rule_value(guard->service_relid, base_type, rule->retire_value,
						 &guard->retire_value))
		report_unknown_retire_value(guard);
}

static void
resolve_time(Guard *guard)
{
	GuardRule  *rule = guard->rule;
	AttrNumber	attnum;

	guard->zone = pg_tzset(rule->time_zone);
	if (guard->zone == NULL)
		report_unknown_time_zone(guard);

	if (rule->time_column == NULL)
	{
		guard->time_kind = TIME_NONE;
		return;
	}

	attnum = rule_column(guard, guard->booking_relid, rule->time_column,
						  "time_column");
	guard->columns.time = carrier_column(guard, BOOKING_SIDE,
										 rule->time_column);
	guard->time_type = getBaseType(get_atttype(guard->booking_relid, attnum));
	guard->time_not_null = compat_is_not_null(guard->booking_relid, attnum);

	switch (guard->time_type)
	{
		case TIMESTAMPTZOID:
			guard->time_kind = TIME_TIMESTAMPTZ;
			break;
		case TIMESTAMPOID:
			guard->time_kind = TIME_TIMESTAMP;
			break;
		case DATEOID:
			guard->time_kind = TIME_DATE;
			break;
		case TSTZRANGEOID:
			guard->time_kind = TIME_TSTZRANGE;
			break;
		case TSRANGEOID:
			guard->time_kind = TIME_TSRANGE;
			break;
		case DATERANGEOID:
			guard->time_kind = TIME_DATERANGE;
			break;
		default:
			report_time_type(guard);
	}
	if (type_is_range(guard->time_type))
		guard->range_type = lookup_type_cache(guard->time_type,
											  TYPECACHE_RANGE_INFO);
}

/*
 * Whether a foreign key is on the guard's very columns, and tells equal from
 * different keys as the guard does.  conkey and confkey are attribute numbers
 * of the constraint's own two tables, which may be partitions; the guard's
 * are given by those of its carrier and of the other table.
 */
static bool
foreign_key_matches(Guard *guard, HeapTuple tuple)
{
	int			nkeys;
	AttrNumber	conkey[INDEX_MAX_KEYS];
	AttrNumber	confkey[INDEX_MAX_KEYS];
	Oid			pf_eq_oprs[INDEX_MAX_KEYS];
	bool		on_booking = guard->side == BOOKING_SIDE;

	DeconstructFkConstraintRow(tuple, &nkeys, conkey, confkey, pf_eq_oprs,
							   NULL, NULL, NULL, NULL);
	if (nkeys != guard->nkeys)
		return false;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];
		AttrNumber	booking = on_booking ? key->attnum : key->booking_attnum;
		AttrNumber	service = on_booking ? key->service_attnum : key->attnum;
		bool		matches = false;

		/*
		 * A foreign key compares by the service column's collation, not by
		 * that of its index.  Where one matters, trust none.
		 */
		if (OidIsValid(key->collation))
			return false;

		for (int j = 0; j < nkeys; j++)
		{
			if (conkey[j] == booking && confkey[j] == service &&
				pf_eq_oprs[j] == key->eq_opr)
				matches = true;
		}
		if (!matches)
			return false;
	}
	return true;
}

/*
 * resolve_trigger_is_enabled
 *
 * Whether a trigger, given how it is enabled, fires while
 * session_replication_role is origin or local.  In a replica session the
 * guard's own triggers do not fire either, unless they were set to ALWAYS;
 * see booking.c for what follows.
 */
bool
resolve_trigger_is_enabled(char tgenabled)
{
	return tgenabled == TRIGGER_FIRES_ON_ORIGIN ||
		tgenabled == TRIGGER_FIRES_ALWAYS;
}

/*
 * resolve_foreign_key_is_enabled
 *
 * Whether all triggers of a foreign key on one of its tables are enabled, and
 * there are some.
 */
bool
resolve_foreign_key_is_enabled(Relation rel, Oid constraint)
{
	bool		found = false;

	for (int i = 0; rel->trigdesc && i < rel->trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &rel->trigdesc->triggers[i];

		if (trigger->tgconstraint != constraint)
			continue;
		if (!resolve_trigger_is_enabled(trigger->tgenabled))
			return false;
		found = true;
	}
	return found;
}

/*
 * resolve_constraint_root
 *
 * The constraint that a partition's constraint was cloned from, or itself.
 */
Oid
resolve_constraint_root(Oid constraint)
{
	for (;;)
	{
		HeapTuple	tuple = SearchSysCache1(CONSTROID,
											ObjectIdGetDatum(constraint));
		Oid			parent;

		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u", constraint);
		parent = ((Form_pg_constraint) GETSTRUCT(tuple))->conparentid;
		ReleaseSysCache(tuple);
		if (!OidIsValid(parent))
			return constraint;
		constraint = parent;
	}
}

/*
 * Note what a foreign key on the guard's columns does, which the guard then
 * need not do or may leave to it:
 *
 * - leans: its check at INSERT locks the service row FOR KEY SHARE and fails
 *   if there is none, at the end of the statement at the latest;
 * - defers: it may be told to check at the end of the transaction, and will
 *   then, whatever happened to either row meanwhile;
 * - cascades: it carries the bookings along when a service's key changes;
 *   when a row moves to another partition as well, only if it references the
 *   partitioned table: AfterTriggerSaveEvent().
 *
 * Whether a constraint is in force is not to be read from pg_constraint
 * alone: after DISABLE TRIGGER ALL and ENABLE TRIGGER USER it is still
 * convalidated, and checks nothing.
 *
 * A foreign key knows nothing of retiring: it is content with a retired
 * service.  And if the services are partitioned, its check plans with the
 * snapshot of the statement that fired it, for which a partition that is being
 * detached concurrently may still be there.  In either case the booking side
 * leaves nothing to it.
 */
static void
resolve_foreign_keys(Guard *guard)
{
	Relation	carrier = relation_open(guard->carrier_relid, AccessShareLock);
	Oid			other_relid = guard->side == BOOKING_SIDE ?
		guard->service_relid : guard->booking_relid;
	Oid			function = guard->side == BOOKING_SIDE ?
		F_RI_FKEY_CHECK_INS : F_RI_FKEY_CASCADE_UPD;

	/* A copy: catalog lookups may make the relation forget its own. */
	TriggerDesc *trigdesc = CopyTriggerDesc(carrier->trigdesc);

	if (guard->side == BOOKING_SIDE &&
		(guard->rule->retire_column != NULL ||
		 get_rel_relkind(other_relid) == RELKIND_PARTITIONED_TABLE))
		trigdesc = NULL;

	for (int i = 0; trigdesc != NULL && i < trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &trigdesc->triggers[i];
		HeapTuple	tuple;
		Form_pg_constraint form;

		if (trigger->tgfoid != function ||
			trigger->tgconstrrelid != other_relid)
			continue;

		tuple = SearchSysCache1(CONSTROID,
								ObjectIdGetDatum(trigger->tgconstraint));
		if (!HeapTupleIsValid(tuple))
			elog(ERROR, "cache lookup failed for constraint %u",
				 trigger->tgconstraint);
		form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype == CONSTRAINT_FOREIGN &&
			foreign_key_matches(guard, tuple) &&
			resolve_foreign_key_is_enabled(carrier, trigger->tgconstraint))
		{
			guard->foreign_key_hashes =
				lappend_int(guard->foreign_key_hashes,
							(int) GetSysCacheHashValue1(CONSTROID,
														ObjectIdGetDatum(form->oid)));
			if (guard->side == SERVICE_SIDE)
			{
				guard->cascades = true;
				guard->cascades_moves |= trigger->tgisclone;
			}
			else if (form->convalidated && !form->condeferrable)
				guard->leans = true;
			else if (form->convalidated)
			{
				Relation	service = relation_open(guard->service_relid,
													AccessShareLock);

				if (resolve_foreign_key_is_enabled(service,
												   resolve_constraint_root(form->oid)))
					guard->defers = true;
				relation_close(service, NoLock);
			}
		}
		ReleaseSysCache(tuple);
	}
	relation_close(carrier, NoLock);
}

/*
 * Note how the trigger BEFORE DELETE is enabled that counts claims before the
 * guard's own does, if the guard may go by that: see has_been_counted().  On
 * partitions it does not count, only an ordinary booking table is locked by
 * itself by all who write to it, and if there is a foreign key, bookers may
 * have no other lock than its.  The key of a partition, which no guard should
 * be on, may be its parent's, whose name its triggers on the service have.
 */
static void
resolve_before_delete(Guard *guard)
{
	Relation	carrier;
	Oid			function;
	TriggerDesc *trigdesc;

	if (guard->side != SERVICE_SIDE ||
		get_rel_relispartition(guard->carrier_relid) ||
		get_rel_relkind(guard->booking_relid) != RELKIND_RELATION ||
		get_rel_relispartition(guard->booking_relid))
		return;

	function = catalog_function(guard->sibling, BEFORE_DELETE_FUNCTION);
	carrier = relation_open(guard->carrier_relid, AccessShareLock);
	trigdesc = carrier->trigdesc;
	for (int i = 0; trigdesc != NULL && i < trigdesc->numtriggers; i++)
	{
		const Trigger *trigger = &trigdesc->triggers[i];

		if (trigger->tgconstrrelid == guard->booking_relid &&
			RI_FKey_trigger_type(trigger->tgfoid) == RI_TRIGGER_PK)
		{
			guard->before_enabled = 0;
			break;
		}
		if (trigger->tgfoid == function && trigger->tgqual == NULL &&
			trigger->tgtype == (TRIGGER_TYPE_BEFORE | TRIGGER_TYPE_ROW |
								TRIGGER_TYPE_DELETE))
			guard->before_enabled = trigger->tgenabled;
	}
	relation_close(carrier, NoLock);
}

/*
 * Forget a guard's plans, which SPI keeps elsewhere, when its memory goes.
 */
static void
forget_plans(void *arg)
{
	Guard	   *guard = (Guard *) arg;

	query_forget(&guard->count_plan);
	for (int key_of = SERVICE_SIDE; key_of <= BOOKING_SIDE; key_of++)
	{
		for (int lock = SERVICE_NO_LOCK; lock < SERVICE_NLOCKS; lock++)
			query_forget(&guard->service_plan[key_of][lock]);
	}
	query_forget(&guard->find_plan);
	query_forget(&guard->delete_plan);
	query_forget(&guard->retire_plan);
}

/*
 * resolve_rule
 *
 * Resolve a rule whose tables are known: look up its columns, operators,
 * statuses and foreign keys.  carrier is the table whose rows the guard will
 * be asked about: the service or the booking table, as side says, or a
 * partition of it.  name is the guard's, or NULL if it is only about to be
 * made; error messages depend on that.  Made in a memory context of its own
 * below the current one, guard_free() frees it.
 *
 * The caller holds a lock on both tables; the carrier gets one here.
 */
Guard *
resolve_rule(const char *name, GuardSide side, const GuardRule *rule,
			 Oid sibling, Oid service_relid, Oid booking_relid,
			 Oid carrier_relid)
{
	MemoryContext context;
	MemoryContext old;
	Guard	   *guard;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"booking_guard guard",
									ALLOCSET_SMALL_SIZES);
	old = MemoryContextSwitchTo(context);

	guard = palloc0(sizeof(Guard));
	guard->context = context;
	guard->at_end.func = forget_plans;
	guard->at_end.arg = guard;
	MemoryContextRegisterResetCallback(context, &guard->at_end);
	guard->name = name != NULL ? pstrdup(name) : NULL;
	guard->side = side;
	guard->rule = rule_copy(rule);
	guard->sibling = sibling;
	guard->service_relid = service_relid;
	guard->booking_relid = booking_relid;
	guard->carrier_relid = carrier_relid;

	resolve_key(guard);
	resolve_status(guard);
	resolve_time(guard);
	resolve_retirement(guard);
	if (name != NULL)
	{
		resolve_foreign_keys(guard);
		resolve_before_delete(guard);
	}

	MemoryContextSwitchTo(old);
	return guard;
}
