/*-------------------------------------------------------------------------
 *
 * protect.c
 *	  booking_guard_protect() and booking_guard_unprotect().
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/catalog.h"
#include "catalog/indexing.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "commands/defrem.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "pgtime.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "guard.h"
#include "report.h"

PG_FUNCTION_INFO_V1(booking_guard_protect);
PG_FUNCTION_INFO_V1(booking_guard_unprotect);

/* A foreign key from the booking table to the service table. */
typedef struct ForeignKey
{
	List	   *booking_key;	/* column names */
	List	   *service_key;
	bool		in_force;		/* validated, and its triggers are enabled */
} ForeignKey;


/* ----------------------------------------------------------------
 *		Arguments
 * ----------------------------------------------------------------
 */

/*
 * A text[] argument as a list of strings; NIL for NULL.
 */
static List *
list_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	ArrayType  *array;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	List	   *strings = NIL;

	if (PG_ARGISNULL(argno))
		return NIL;

	array = PG_GETARG_ARRAYTYPE_P(argno);
	if (ARR_NDIM(array) != 1)
		report_bad_list(name);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			report_bad_list(name);
		strings = lappend(strings, TextDatumGetCString(elements[i]));
	}
	return strings;
}

/*
 * A text argument that may be NULL, but not empty.
 */
static char *
text_argument(FunctionCallInfo fcinfo, int argno, const char *name)
{
	char	   *string;

	if (PG_ARGISNULL(argno))
		return NULL;
	string = text_to_cstring(PG_GETARG_TEXT_PP(argno));
	if (*string == '\0')
		report_empty_argument(PROTECT_FUNCTION, name);
	return string;
}

static void
require_argument(FunctionCallInfo fcinfo, int argno, const char *function,
				 const char *name)
{
	if (PG_ARGISNULL(argno))
		report_null_argument(function, name);
}

/*
 * The time zone's name as pg_timezone_names spells it.  The server also
 * takes a misspelt name for a POSIX zone ('FOO+5') with made-up rules, and
 * an abbreviation ('EST') for a fixed offset; a guard that did would be
 * wrong by hours, silently.  NULL if there is no such zone.
 */
static char *
zone_name(const char *name)
{
	pg_tzenum  *zones = pg_tzenumerate_start();
	pg_tz	   *zone;
	char	   *found = NULL;

	while (found == NULL && (zone = pg_tzenumerate_next(zones)) != NULL)
	{
		if (pg_strcasecmp(pg_get_timezone_name(zone), name) == 0)
			found = pstrdup(pg_get_timezone_name(zone));
	}
	pg_tzenumerate_end(zones);
	return found;
}


/* ----------------------------------------------------------------
 *		Tables
 * ----------------------------------------------------------------
 */

static void
check_right(Oid relid)
{
	if (get_rel_name(relid) == NULL)
		report_no_such_table(relid);
	if (pg_class_aclcheck(relid, GetUserId(), ACL_TRIGGER) != ACLCHECK_OK)
		report_no_trigger_right(relid);
}

/*
 * Refuse what a guard cannot stand on.
 */
static void
check_kind(Relation rel)
{
	Oid			relid = RelationGetRelid(rel);
	Form_pg_class form = rel->rd_rel;

	switch (form->relkind)
	{
		case RELKIND_RELATION:
		case RELKIND_PARTITIONED_TABLE:
			break;
		case RELKIND_VIEW:
			report_wrong_kind(relid, "a view",
							  "Guard the table below the view.");
			break;
		case RELKIND_MATVIEW:
			report_wrong_kind(relid, "a materialized view",
							  "Guard the tables that it is made from.");
			break;
		case RELKIND_FOREIGN_TABLE:
			report_wrong_kind(relid, "a foreign table",
							  "Guard the table on the server where it is.");
			break;
		default:
			report_wrong_kind(relid, "not a table",
							  "Name the table of the services, then that of the bookings.");
	}

	if (IsCatalogRelation(rel))
		report_wrong_kind(relid, "a system catalog", "Name your own tables.");
	if (form->relpersistence == RELPERSISTENCE_TEMP)
		report_wrong_kind(relid, "a temporary table",
						  "Only this session sees it; make it a permanent table.");
	if (form->relispartition)
		report_wrong_kind(relid, "a partition",
						  psprintf("Guard the partitioned table: %s.",
								   report_table_name(llast_oid(get_partition_ancestors(relid)))));
	if (has_superclass(relid))
		report_wrong_kind(relid, "a child of another table by inheritance",
						  "Use partitions instead, or end the inheritance with ALTER TABLE ... NO INHERIT.");
	if (form->relkind == RELKIND_RELATION &&
		find_inheritance_children(relid, NoLock) != NIL)
		report_wrong_kind(relid, "a parent of other tables by inheritance",
						  "Use partitions instead, or end the inheritance with ALTER TABLE ... NO INHERIT.");
}

/*
 * Lock and open one of the tables; see booking_guard_protect() for the lock.
 */
static Relation
lock_table(Oid relid)
{
	Relation	rel = try_relation_open(relid, ShareRowExclusiveLock);
	ListCell   *lc;

	if (rel == NULL)
		report_no_such_table(relid);	/* dropped while we waited */
	check_kind(rel);

	/*
	 * Who writes to a partition by its own name locks nothing else.
	 *
	 * A statement of this session that is still writing, and whose trigger
	 * called us, fires the triggers that were there when it began: the rows
	 * to come would neither be validated nor judged.  As for ALTER TABLE, a
	 * table is in use if somebody else has it open.
	 */
	foreach(lc, find_all_inheritors(relid, ShareRowExclusiveLock, NULL))
	{
		Relation	table = relation_open(lfirst_oid(lc), NoLock);

		if (table->rd_refcnt > (table == rel ? 2 : 1))
			report_table_in_use(lfirst_oid(lc));
		relation_close(table, NoLock);
	}
	return rel;
}

static List *
column_names(Oid relid, const AttrNumber *attnums, int n)
{
	List	   *names = NIL;

	for (int i = 0; i < n; i++)
		names = lappend(names, get_attname(relid, attnums[i], false));
	return names;
}

static bool
is_enabled(Oid relid, Oid constraint)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	bool		enabled = resolve_foreign_key_is_enabled(rel, constraint);

	relation_close(rel, NoLock);
	return enabled;
}

/*
 * The foreign keys (ForeignKey *) from one table to another.
 */
static List *
foreign_keys(Oid from_relid, Oid to_relid)
{
	Relation	pg_constraint = table_open(ConstraintRelationId,
										   AccessShareLock);
	List	   *result = NIL;
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;

	ScanKeyInit(&key, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(from_relid));
	scan = systable_beginscan(pg_constraint, ConstraintRelidTypidNameIndexId,
							  true, NULL, 1, &key);
	while (HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		ForeignKey *fk;
		int			n;
		AttrNumber	conkey[INDEX_MAX_KEYS];
		AttrNumber	confkey[INDEX_MAX_KEYS];

		if (form->contype != CONSTRAINT_FOREIGN ||
			form->confrelid != to_relid)
			continue;
		DeconstructFkConstraintRow(tuple, &n, conkey, confkey,
								   NULL, NULL, NULL, NULL, NULL);
		fk = palloc(sizeof(ForeignKey));
		fk->booking_key = column_names(from_relid, conkey, n);
		fk->service_key = column_names(to_relid, confkey, n);
		fk->in_force = form->convalidated &&
			is_enabled(from_relid, form->oid) &&
			is_enabled(to_relid, form->oid);
		result = lappend(result, fk);
	}
	systable_endscan(scan);
	table_close(pg_constraint, AccessShareLock);
	return result;
}

/*
 * Whether two strings are the same, or both are not given.
 */
static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* ----------------------------------------------------------------
 *		Existing guards
 * ----------------------------------------------------------------
 */

/* The guards between two tables. */
typedef struct GuardPair
{
	List	   *broken;			/* names of those that are not whole */
	List	   *sound;			/* names of the others ... */
	List	   *rules;			/* ... and their rules (GuardRule *) */
} GuardPair;

/*
 * Find the guards between two tables.
 */
static void
find_guards(Oid sibling, Oid service_relid, Oid booking_relid,
			GuardPair *pair)
{
	ListCell   *lc;

	memset(pair, 0, sizeof(GuardPair));

	foreach(lc, catalog_guards(sibling, BOOKING_SIDE))
	{
		GuardTrigger *booking = (GuardTrigger *) lfirst(lc);
		GuardTrigger *service;
		GuardRule  *rule = palloc0(sizeof(GuardRule));

		if (booking->relid != booking_relid ||
			booking->from_relid != service_relid)
			continue;
		service = catalog_partner(booking, SERVICE_SIDE);
		if (service == NULL ||
			rule_read_arguments(rule, SERVICE_SIDE, service->nargs,
								service->args) != NULL ||
			rule_read_arguments(rule, BOOKING_SIDE, booking->nargs,
								booking->args) != NULL)
			pair->broken = lappend(pair->broken, booking->name);
		else
		{
			pair->sound = lappend(pair->sound, booking->name);
			pair->rules = lappend(pair->rules, rule);
		}
	}
	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *service = (GuardTrigger *) lfirst(lc);

		if (service->relid == service_relid &&
			service->from_relid == booking_relid &&
			catalog_partner(service, BOOKING_SIDE) == NULL)
			pair->broken = lappend(pair->broken, service->name);
	}
}

/*
 * Complete a rule's keys from the foreign key between the tables or, if there
 * is none, from the one guard that is there already; the service's from its
 * primary key.
 */
static void
learn_keys(GuardRule *rule, Oid service_relid, Oid booking_relid,
		   const GuardPair *existing)
{
	List	   *fks = foreign_keys(booking_relid, service_relid);
	List	   *keys = NIL;
	ListCell   *lc;

	if (rule->booking_key == NIL)
	{
		foreach(lc, fks)
		{
			ForeignKey *fk = (ForeignKey *) lfirst(lc);
			bool		known = false;
			ListCell   *l;

			foreach(l, keys)
				known |= rule_same_columns((List *) lfirst(l), fk->booking_key);
			if (!known)
				keys = lappend(keys, fk->booking_key);
		}
		if (list_length(keys) > 1)
			report_several_foreign_keys(service_relid, booking_relid, keys);
		if (keys == NIL && list_length(existing->rules) == 1)
		{
			const GuardRule *other = (GuardRule *) linitial(existing->rules);

			rule->booking_key = other->booking_key;
			if (rule->service_key == NIL)
				rule->service_key = other->service_key;
			return;
		}
		if (keys == NIL && foreign_keys(service_relid, booking_relid) != NIL)
			report_wrong_way_round(service_relid, booking_relid);
		if (keys == NIL)
			report_no_foreign_key(service_relid, booking_relid);
		rule->booking_key = (List *) linitial(keys);
	}

	if (rule->service_key != NIL)
		return;

	foreach(lc, fks)
	{
		ForeignKey *fk = (ForeignKey *) lfirst(lc);
		ListCell   *name;

		if (!rule_same_columns(fk->booking_key, rule->booking_key))
			continue;
		/* the foreign key's columns in the order of ours */
		foreach(name, rule->booking_key)
		{
			for (int i = 0; i < list_length(fk->booking_key); i++)
			{
				if (strcmp(list_nth(fk->booking_key, i), lfirst(name)) == 0)
					rule->service_key =
						lappend(rule->service_key,
								list_nth(fk->service_key, i));
			}
		}
		return;
	}

	rule->service_key = catalog_primary_key(service_relid);
	if (rule->service_key == NIL)
		report_no_primary_key(service_relid);
}

/*
 * The position in pair->sound of the guard on these columns, or -1.
 */
static int
find_by_key(GuardPair *pair, List *booking_key)
{
	for (int i = 0; i < list_length(pair->sound); i++)
	{
		GuardRule  *rule = (GuardRule *) list_nth(pair->rules, i);

		if (rule_same_columns(rule->booking_key, booking_key))
			return i;
	}
	return -1;
}

/*
 * All guards of a service table must tell the same tenant_column, since
 * safe_delete_service() takes one tenant_id for all.  And those that tell by
 * what a service is retired must tell the same, since safe_retire_service()
 * retires it for all of them; others may stand beside, to which it is not.
 */
static void
check_agreement(Guard *guard, List *replaced)
{
	ListCell   *lc;

	foreach(lc, catalog_guards(guard->sibling, SERVICE_SIDE))
	{
		GuardTrigger *other = (GuardTrigger *) lfirst(lc);
		GuardRule	rule = {0};

		if (other->relid != guard->service_relid ||
			rule_list_has(replaced, other->name) ||
			rule_read_arguments(&rule, SERVICE_SIDE, other->nargs,
								other->args) != NULL)
			continue;
		if (!same_text(guard->rule->tenant_column, rule.tenant_column))
			report_tenants_differ(guard, guard->service_relid, other->name,
								  rule.tenant_column);
		if (guard->rule->retire_column != NULL && rule.retire_column != NULL &&
			(strcmp(guard->rule->retire_column, rule.retire_column) != 0 ||
			 !same_text(guard->rule->retire_value, rule.retire_value)))
			report_retirements_differ(guard, guard->service_relid,
									  other->name, rule.retire_column,
									  rule.retire_value);
	}
}

/*
 * A name for a guard that is free on both tables: BG_<table>_<columns>, made
 * to fit as the server makes the names of its own constraints.
 */
static char *
choose_name(Oid service_relid, Oid booking_relid, List *booking_key)
{
	StringInfoData columns;
	ListCell   *lc;

	initStringInfo(&columns);
	foreach(lc, booking_key)
		appendStringInfo(&columns, "%s%s", columns.len > 0 ? "_" : "",
						 (char *) lfirst(lc));

	for (int i = 0;; i++)
	{
		char	   *name = makeObjectName(psprintf("%s%s", GUARD_NAME_PREFIX,
												   get_rel_name(booking_relid)),
										  columns.data,
										  i == 0 ? NULL : psprintf("%d", i));

		if (catalog_trigger_by_name(service_relid, name) == NULL &&
			catalog_trigger_by_name(booking_relid, name) == NULL)
			return name;
	}
}

/*
 * Make a guard's triggers, as the caller: it is the server that checks the
 * caller's rights.
 */
static void
create_triggers(Guard *guard, const char *name)
{
	const char *schema = quote_identifier(get_namespace_name(get_func_namespace(guard->sibling)));
	const char *service = rule_table_name(guard->service_relid);
	const char *booking = rule_table_name(guard->booking_relid);
	bool		moves_rows =
		get_rel_relkind(guard->booking_relid) == RELKIND_PARTITIONED_TABLE;

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		StringInfoData sql;
		ListCell   *lc;
		const char *sep = "";

		initStringInfo(&sql);
		appendStringInfo(&sql, "CREATE CONSTRAINT TRIGGER %s AFTER %s OR UPDATE%s"
						 " ON %s FROM %s %s FOR EACH ROW EXECUTE FUNCTION %s.%s(",
						 quote_identifier(name),
						 side == SERVICE_SIDE ? "DELETE" : "INSERT",
						 side == BOOKING_SIDE && moves_rows ? " OR DELETE" : "",
						 side == SERVICE_SIDE ? service : booking,
						 side == SERVICE_SIDE ? booking : service,
						 side == SERVICE_SIDE ? "NOT DEFERRABLE" :
						 "DEFERRABLE INITIALLY IMMEDIATE",
						 schema,
						 side == SERVICE_SIDE ? SERVICE_FUNCTION :
						 BOOKING_FUNCTION);
		foreach(lc, rule_write_arguments(guard->rule, side))
		{
			appendStringInfo(&sql, "%s%s", sep,
							 quote_literal_cstr((char *) lfirst(lc)));
			sep = ", ";
		}
		appendStringInfoChar(&sql, ')');
		query_execute(sql.data);
	}

	shared_create(guard->service_relid, guard->sibling);
}

/*
 * Give the triggers of a guard the rule of another one in its place.  False if
 * they are not as we make them, and must be dropped and made anew.
 *
 * The lock that we hold on both tables is that of ALTER TABLE ... ENABLE
 * TRIGGER, which changes triggers in place as well: it keeps writers out, so
 * that no statement is judged by half of each rule, and lets readers go on.
 * Dropping a trigger would lock them out too.
 */
static bool
rewrite_triggers(Guard *guard, const char *name)
{
	GuardTrigger *trigger[2];

	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		Oid			relid = side == SERVICE_SIDE ?
			guard->service_relid : guard->booking_relid;
		ListCell   *lc;

		trigger[side] = catalog_trigger_by_name(relid, name);
		if (guard_trigger_problem(trigger[side], side) != NULL)
			return false;
		foreach(lc, find_all_inheritors(relid, NoLock, NULL))
		{
			GuardTrigger *clone = catalog_trigger_by_name(lfirst_oid(lc),
														  name);

			if (clone == NULL || clone->enabled != TRIGGER_FIRES_ON_ORIGIN)
				return false;
		}
	}
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		compat_check_owner(trigger[side]->relid);
		catalog_write_arguments(trigger[side],
								rule_write_arguments(guard->rule, side));
	}
	shared_create(guard->service_relid, guard->sibling);
	return true;
}

/*
 * Drop a guard's two triggers, or the one that is left, as the caller.
 */
static void
drop_triggers(const char *name, Oid sibling, Oid service_relid,
			  Oid booking_relid)
{
	for (int side = SERVICE_SIDE; side <= BOOKING_SIDE; side++)
	{
		Oid			relid = side == SERVICE_SIDE ?
			service_relid : booking_relid;
		GuardTrigger *trigger = catalog_trigger_by_name(relid, name);

		if (trigger != NULL &&
			trigger->function == catalog_function(sibling,
												side == SERVICE_SIDE ?
												SERVICE_FUNCTION :
												BOOKING_FUNCTION))
			query_execute(psprintf("DROP TRIGGER %s ON %s", quote_identifier(name),
							 rule_table_name(relid)));
	}
}


/* ----------------------------------------------------------------
 *		What protect says and checks about the data
 * ----------------------------------------------------------------
 */

/*
 * Whether there is a booking with a status; with active, one whose status
 * blocks.  Read as the booking table's owner.
 */
static bool
booking_exists(Guard *guard, bool active)
{
	StringInfoData sql;
	KeyValues	none;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT 1");
	query_append_relation(&sql, guard->booking_relid);
	appendStringInfo(&sql, " WHERE x.%s IS NOT NULL",
					 quote_identifier(guard->rule->status_column));
	if (active)
		claims_append_active(&sql, guard);
	appendStringInfoString(&sql, " LIMIT 1");

	none.n = 0;
	return query_run_once(sql.data, NULL, &none, guard->booking_relid, true,
						  NULL, NULL) > 0;
}

/*
 * Whether an index of the booking table, or of one of its partitions, would
 * serve the count, were it valid: its first column is one of the key's, of
 * the same equality and collation, and it has all rows that the count is
 * after.  conditions are the count's, on the columns of the index's table.
 * If it is on the right column and does not serve all the same, *obstacle
 * says why, unless it does so already.
 *
 * A BRIN index finds blocks, not rows: it does not keep a delete from reading
 * the whole table.
 */
static bool
index_serves(Guard *guard, Relation index, List *conditions, char **obstacle)
{
	Oid			relid = index->rd_index->indrelid;
	AttrNumber	attnum = index->rd_index->indkey.values[0];
	char	   *name = rule_table_name(RelationGetRelid(index));
	char	   *problem = NULL;

	for (int i = 0; i < guard->nkeys; i++)
	{
		GuardKeyColumn *key = &guard->key[i];
		Oid			collation = key->collation;

		if (attnum == 0 || attnum != get_attnum(relid, key->booking_name))
			continue;
		if (!OidIsValid(collation))
			collation = catalog_column_collation(relid, attnum);

		if (index->rd_rel->relam == BRIN_AM_OID)
			problem = psprintf("Index %s is of type BRIN, which finds no single rows.", name);
		else if (!op_in_opfamily(key->eq_opr, index->rd_opfamily[0]))
			problem = psprintf("Index %s is of an operator class for another equality.",
							   name);
		else if (OidIsValid(index->rd_indcollation[0]) &&
				 index->rd_indcollation[0] != collation)
			problem = psprintf("Index %s has another collation.", name);
		else if (!predicate_implied_by(RelationGetIndexPredicate(index),
									   conditions, false))
			problem = psprintf("Index %s leaves out bookings that block.", name);
		else
			return true;
	}
	if (problem != NULL && *obstacle == NULL)
		*obstacle = problem;
	return false;
}

/*
 * Whether a booking table, or one of its partitions, has an index for the
 * count.  A partitioned table without one of its own may have one on each
 * partition.
 */
static bool
table_has_index(Guard *guard, Oid relid, List *conditions, IndexSearch *search)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	bool		partitioned =
		rel->rd_rel->relkind == RELKIND_PARTITIONED_TABLE;
	bool		found = false;
	SavedUser	saved;
	ListCell   *lc;

	/* To look at a predicate may call functions of the table's owner. */
	query_become_owner(relid, &saved);

	foreach(lc, RelationGetIndexList(rel))
	{
		Relation	index = index_open(lfirst_oid(lc), AccessShareLock);

		if (!found &&
			index_serves(guard, index, conditions, &search->obstacle))
		{
			found = index->rd_index->indisvalid;

			/* A unique one may never become valid. */
			if (!found && !partitioned && !index->rd_index->indisunique)
				search->invalid = RelationGetRelid(index);
		}
		index_close(index, AccessShareLock);
	}

	query_restore_user(&saved);

	if (!found && partitioned)
	{
		List	   *partitions = find_inheritance_children(relid,
														   AccessShareLock);

		found = partitions != NIL;
		foreach(lc, partitions)
		{
			Relation	partition = relation_open(lfirst_oid(lc), NoLock);

			found = found &&
				table_has_index(guard, lfirst_oid(lc),
								map_partition_varattnos(conditions, 1,
														partition, rel),
								search);
			relation_close(partition, NoLock);
		}
	}
	relation_close(rel, NoLock);
	return found;
}

/*
 * protect_has_index
 *
 * Whether some index of the booking table serves the count.  If not, search
 * (unless NULL) gets what there is instead.
 */
bool
protect_has_index(Guard *guard, IndexSearch *search)
{
	IndexSearch unused;

	if (search == NULL)
		search = &unused;
	memset(search, 0, sizeof(IndexSearch));
	return table_has_index(guard, guard->booking_relid,
						   claims_query_conditions(guard), search);
}

/*
 * Whether a foreign key on the guard's columns, validated and in force, says
 * already that every booking has its service.  Whether that is retired, none
 * can say.
 */
static bool
is_validated_already(Guard *guard)
{
	ListCell   *lc;

	if (guard->rule->retire_column != NULL)
		return false;

	foreach(lc, foreign_keys(guard->booking_relid, guard->service_relid))
	{
		ForeignKey *fk = (ForeignKey *) lfirst(lc);
		bool		matches = fk->in_force &&
			list_length(fk->booking_key) == guard->nkeys;

		for (int i = 0; matches && i < guard->nkeys; i++)
		{
			bool		paired = false;

			for (int j = 0; j < guard->nkeys; j++)
				paired |= strcmp(list_nth(fk->booking_key, j),
								 guard->key[i].booking_name) == 0 &&
					strcmp(list_nth(fk->service_key, j),
						   guard->key[i].service_name) == 0;
			matches = paired && !OidIsValid(guard->key[i].collation);
		}
		if (matches)
			return true;
	}
	return false;
}


/* ----------------------------------------------------------------
 *		The functions
 * ----------------------------------------------------------------
 */

/*
 * booking_guard_protect
 *
 * Make a guard; the arguments are those of the SQL function, in order.
 * Needs TRIGGER on both tables.  Returns the guard's name.
 *
 * Takes SHARE ROW EXCLUSIVE on the service table, then on the booking table,
 * as ADD FOREIGN KEY does, and keeps them to the end of the transaction:
 * whoever writes to either must be done before, so that everything written
 * is either seen by the validation or judged by the triggers.  The service
 * table comes first because a deleter goes from there to the bookings, while
 * a booker's lock on a service row does not conflict.
 */
Datum
booking_guard_protect(PG_FUNCTION_ARGS)
{
	enum
	{
		SERVICE_TABLE, BOOKING_TABLE, BOOKING_KEY, SERVICE_KEY, TENANT_COLUMN,
		STATUS_COLUMN, BLOCKING_STATUSES, FREE_STATUSES, INACTIVE_COLUMN,
		TIME_COLUMN, TIME_ZONE, LABEL, BOOKING_LABEL, KEEP_ATTACHED, VALIDATE,
		OR_REPLACE,
		RETIRE_COLUMN,
		RETIRE_VALUE,
		MODE
	};
	Oid			sibling = fcinfo->flinfo->fn_oid;
	Oid			service_relid;
	Oid			booking_relid;
	Relation	service;
	Relation	booking;
	GuardRule	rule = {0};
	Guard	   *guard;
	GuardPair	pair;
	int			found;
	List	   *replaced;
	char	   *name = NULL;
	char	   *zone;
	ClaimTally	tally;
	ListCell   *lc;

	require_argument(fcinfo, SERVICE_TABLE, PROTECT_FUNCTION, "service_table");
	require_argument(fcinfo, BOOKING_TABLE, PROTECT_FUNCTION, "booking_table");
	require_argument(fcinfo, TIME_ZONE, PROTECT_FUNCTION, "time_zone");
	require_argument(fcinfo, LABEL, PROTECT_FUNCTION, "label");
	require_argument(fcinfo, BOOKING_LABEL, PROTECT_FUNCTION, "booking_label");
	require_argument(fcinfo, KEEP_ATTACHED, PROTECT_FUNCTION, "keep_attached");
	require_argument(fcinfo, VALIDATE, PROTECT_FUNCTION, "validate");
	require_argument(fcinfo, OR_REPLACE, PROTECT_FUNCTION, "or_replace");

	rule.booking_key = list_argument(fcinfo, BOOKING_KEY, "booking_key");
	rule.service_key = list_argument(fcinfo, SERVICE_KEY, "service_key");
	rule.tenant_column = text_argument(fcinfo, TENANT_COLUMN, "tenant_column");
	rule.status_column = text_argument(fcinfo, STATUS_COLUMN, "status_column");
	rule.blocking_statuses = list_argument(fcinfo, BLOCKING_STATUSES,
										   "blocking_statuses");
	rule.free_statuses = list_argument(fcinfo, FREE_STATUSES, "free_statuses");
	rule.inactive_column = text_argument(fcinfo, INACTIVE_COLUMN,
										 "inactive_column");
	rule.time_column = text_argument(fcinfo, TIME_COLUMN, "time_column");
	rule.time_zone = text_argument(fcinfo, TIME_ZONE, "time_zone");
	rule.label = text_argument(fcinfo, LABEL, "label");
	rule.booking_label = text_argument(fcinfo, BOOKING_LABEL, "booking_label");
	rule.keep_attached = PG_GETARG_BOOL(KEEP_ATTACHED);
	rule.mode = MODE_ENFORCE;

	/* The function as version 1.0 declared it ends here. */
	if (PG_NARGS() > RETIRE_COLUMN)
	{
		require_argument(fcinfo, MODE, PROTECT_FUNCTION, "mode");
		rule.retire_column = text_argument(fcinfo, RETIRE_COLUMN,
										   "retire_column");
		rule.retire_value = text_argument(fcinfo, RETIRE_VALUE,
										  "retire_value");
		rule.mode = text_argument(fcinfo, MODE, "mode");
	}
	if (!rule_is_mode(rule.mode))
		report_bad_mode(rule.mode);
	if (rule.retire_value != NULL && rule.retire_column == NULL)
		report_retire_value_without_column();

	if (rule.blocking_statuses != NIL && rule.free_statuses != NIL)
		report_conflicting_statuses();
	if (rule.status_column == NULL &&
		(rule.blocking_statuses != NIL || rule.free_statuses != NIL))
		report_statuses_without_column();
	if (rule.status_column != NULL && rule.blocking_statuses == NIL &&
		rule.free_statuses == NIL)
		rule.blocking_statuses = list_make2("PENDING", "CONFIRMED");

	service_relid = PG_GETARG_OID(SERVICE_TABLE);
	booking_relid = PG_GETARG_OID(BOOKING_TABLE);
	check_right(service_relid);
	check_right(booking_relid);
	if (service_relid == booking_relid)
		report_same_table(service_relid);

	service = lock_table(service_relid);
	booking = lock_table(booking_relid);
	if (booking->rd_rel->relpersistence == RELPERSISTENCE_PERMANENT)
	{
		foreach(lc, find_all_inheritors(service_relid, NoLock, NULL))
		{
			if (get_rel_persistence(lfirst_oid(lc)) == RELPERSISTENCE_UNLOGGED)
				report_unlogged_service(lfirst_oid(lc), booking_relid);
		}
	}

	catalog_lock_labels(service_relid, rule_label_column(&rule, SERVICE_SIDE));
	catalog_lock_labels(booking_relid, rule_label_column(&rule, BOOKING_SIDE));

	find_guards(sibling, service_relid, booking_relid, &pair);
	learn_keys(&rule, service_relid, booking_relid, &pair);

	zone = zone_name(rule.time_zone);
	if (zone != NULL)
		rule.time_zone = zone;
	guard = resolve_rule(NULL, BOOKING_SIDE, &rule, sibling,
						 service_relid, booking_relid, booking_relid);
	if (zone == NULL)
		report_unknown_time_zone(guard);

	found = find_by_key(&pair, rule.booking_key);
	if (found >= 0)
	{
		char	   *is;
		char	   *asked;

		name = (char *) list_nth(pair.sound, found);
		is = rule_definition((GuardRule *) list_nth(pair.rules, found),
							 sibling, service_relid, booking_relid);
		asked = rule_definition(&rule, sibling, service_relid, booking_relid);
		if (strcmp(is, asked) == 0 && !PG_GETARG_BOOL(OR_REPLACE))
		{
			relation_close(booking, NoLock);
			relation_close(service, NoLock);
			PG_RETURN_TEXT_P(cstring_to_text(name));
		}
		if (!PG_GETARG_BOOL(OR_REPLACE))
			report_guard_differs(name, is, asked);
		replaced = lappend(pair.broken, name);
	}
	else
	{
		if (pair.broken != NIL && !PG_GETARG_BOOL(OR_REPLACE))
			report_broken_guard((char *) linitial(pair.broken), sibling,
								service_relid, booking_relid);
		replaced = pair.broken;
	}
	check_agreement(guard, replaced);

	if (PG_GETARG_BOOL(VALIDATE) && !is_validated_already(guard) &&
		claims_count_orphans(guard, booking_relid, &tally))
		report_orphans(guard, &tally);

	if (name == NULL || pair.broken != NIL || !rewrite_triggers(guard, name))
	{
		foreach(lc, replaced)
			drop_triggers((char *) lfirst(lc), sibling, service_relid,
						  booking_relid);
		if (name == NULL)
			name = choose_name(service_relid, booking_relid,
							   rule.booking_key);
		create_triggers(guard, name);
	}

	if (guard->status_is_enum)
		report_enum_labels(guard);
	else if (rule.status_column != NULL && booking_exists(guard, false) &&
			 !booking_exists(guard, true))
		report_no_blocking_status(guard);
	if (!protect_has_index(guard, NULL))
		report_no_index(guard);

	guard_free(guard);
	relation_close(booking, NoLock);
	relation_close(service, NoLock);
	PG_RETURN_TEXT_P(cstring_to_text(name));
}

/*
 * booking_guard_unprotect
 *
 * Remove a guard: true, or false if there is none.  The caller must own both
 * tables, as for DROP TRIGGER.
 *
 * Without booking_key, what is left of broken guards between the two tables
 * is removed, if there is any; else the only guard.  Which key a broken one
 * had, its triggers may not be able to tell.
 */
Datum
booking_guard_unprotect(PG_FUNCTION_ARGS)
{
	Oid			sibling = fcinfo->flinfo->fn_oid;
	Oid			service_relid;
	Oid			booking_relid;
	List	   *booking_key;
	GuardPair	pair;
	List	   *remove = NIL;
	ListCell   *lc;

	require_argument(fcinfo, 0, UNPROTECT_FUNCTION, "service_table");
	require_argument(fcinfo, 1, UNPROTECT_FUNCTION, "booking_table");
	service_relid = PG_GETARG_OID(0);
	booking_relid = PG_GETARG_OID(1);
	booking_key = list_argument(fcinfo, 2, "booking_key");

	find_guards(sibling, service_relid, booking_relid, &pair);
	if (booking_key != NIL)
	{
		int			found = find_by_key(&pair, booking_key);

		if (found >= 0)
			remove = list_make1(list_nth(pair.sound, found));
	}
	else if (pair.broken != NIL)
		remove = pair.broken;
	else if (list_length(pair.sound) > 1)
	{
		List	   *keys = NIL;

		foreach(lc, pair.rules)
			keys = lappend(keys, ((GuardRule *) lfirst(lc))->booking_key);
		report_several_guards(service_relid, booking_relid, keys);
	}
	else
		remove = pair.sound;

	if (remove == NIL)
		PG_RETURN_BOOL(false);

	foreach(lc, remove)
		drop_triggers((char *) lfirst(lc), sibling, service_relid,
					  booking_relid);
	shared_drop(service_relid, sibling);
	PG_RETURN_BOOL(true);
}
