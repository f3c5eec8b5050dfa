/*-------------------------------------------------------------------------
 *
 * mend.c
 *	  The statements that mend a guard.
 *
 * Where what the user meant cannot be known, they err on the side of refusing
 * too much.  They are run elsewhere, whatever the search_path is there: tables
 * and functions are named with their schema.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "guard.h"


/*
 * mend_protect_call
 *
 * The call that makes a guard have this rule, whatever it has now.  An error
 * if one of the tables is gone: the caller holds a lock on both.
 */
char *
mend_protect_call(const GuardRule *rule, Oid sibling, Oid service_relid,
				  Oid booking_relid)
{
	char	   *call = rule_definition(rule, sibling, service_relid,
									   booking_relid);

	call[strlen(call) - strlen(");")] = '\0';
	return psprintf("%s, or_replace => true);", call);
}

/*
 * mend_unprotect_call
 *
 * The call that removes a guard, by its key; without one (NIL), what is left
 * of broken ones between the two tables.  An error if one of them is gone:
 * the caller holds a lock on both.
 */
char *
mend_unprotect_call(Oid sibling, Oid service_relid, Oid booking_relid,
					List *booking_key)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT %s(%s, %s",
					 rule_function_name(sibling, UNPROTECT_FUNCTION),
					 quote_literal_cstr(rule_table_name(service_relid)),
					 quote_literal_cstr(rule_table_name(booking_relid)));
	if (booking_key != NIL)
	{
		appendStringInfoString(&buf, ", ");
		rule_append_array(&buf, booking_key);
	}
	appendStringInfoString(&buf, ");");
	return buf.data;
}

/*
 * mend_rename_trigger
 *
 * The statement that gives a trigger another name.  An error if its table is
 * gone: the caller holds a lock on it.
 */
char *
mend_rename_trigger(const GuardTrigger *trigger, const char *new_name)
{
	return psprintf("ALTER TRIGGER %s ON %s RENAME TO %s;",
					quote_identifier(trigger->name),
					rule_table_name(trigger->relid),
					quote_identifier(new_name));
}


/* ----------------------------------------------------------------
 *		A guard that cannot be resolved
 * ----------------------------------------------------------------
 */

/* Arguments of try_rule(). */
typedef struct RuleTrial
{
	const GuardRule *rule;
	Oid			sibling;
	Oid			service_relid;
	Oid			booking_relid;
} RuleTrial;

static void
try_rule(void *arg)
{
	RuleTrial  *trial = (RuleTrial *) arg;

	guard_free(resolve_rule(NULL, BOOKING_SIDE, trial->rule, trial->sibling,
							trial->service_relid, trial->booking_relid,
							trial->booking_relid));
}

/*
 * Why a guard could not be made with this rule, as an SQLSTATE; 0 if it
 * could.
 */
static int
rule_error(const GuardRule *rule, Oid sibling, Oid service_relid,
		   Oid booking_relid)
{
	RuleTrial	trial = {rule, sibling, service_relid, booking_relid};
	ErrorData  *edata = query_try(try_rule, &trial);

	return edata != NULL ? edata->sqlerrcode : 0;
}

static bool
has_column(Oid relid, const char *name)
{
	return get_attnum(relid, name) > 0;
}

static bool
has_columns(Oid relid, List *names)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (!has_column(relid, (char *) lfirst(lc)))
			return false;
	}
	return true;
}

/*
 * A rule without the statuses that its enum does not know.
 *
 * The label that one was renamed to, if it was, is among those that the rule
 * does not list.  Of a guard by blocking_statuses all of these block
 * afterwards: it will refuse too much until told better, but loses nothing.
 */
static void
mend_statuses(GuardRule *rule, List *labels)
{
	List	   *unknown = rule_list_without(rule_statuses(rule), labels);

	if (unknown == NIL)
		return;
	rule->free_statuses = rule_list_without(rule->free_statuses, unknown);
	if (rule->free_statuses == NIL)
		rule->blocking_statuses = labels;
}

static void
forget_statuses(GuardRule *rule)
{
	rule->status_column = NULL;
	rule->blocking_statuses = rule->free_statuses = NIL;
}

/*
 * A rule as like a broken guard's as can be, and not weaker: what it names and
 * is no longer there has no say any more.  A booking without a status column
 * is active, one without a time is upcoming.  A key whose columns are not
 * there is left out, to be learnt from the foreign key.
 */
static GuardRule *
mend_rule(const GuardRule *broken, Oid service_relid, Oid booking_relid)
{
	GuardRule  *rule = rule_copy(broken);

	if (!has_columns(service_relid, rule->service_key))
		rule->service_key = NIL;
	if (!has_columns(booking_relid, rule->booking_key))
		rule->booking_key = rule->service_key = NIL;
	if (rule->tenant_column != NULL &&
		!has_column(service_relid, rule->tenant_column))
		rule->tenant_column = NULL;
	if (rule->retire_column != NULL &&
		!has_column(service_relid, rule->retire_column))
		rule->retire_column = rule->retire_value = NULL;
	if (rule->inactive_column != NULL &&
		!has_column(booking_relid, rule->inactive_column))
		rule->inactive_column = NULL;
	if (rule->time_column != NULL &&
		!has_column(booking_relid, rule->time_column))
		rule->time_column = NULL;

	if (rule->status_column != NULL &&
		!has_column(booking_relid, rule->status_column))
		forget_statuses(rule);
	if (rule->status_column != NULL)
	{
		Oid			type = getBaseType(get_atttype(booking_relid,
												   get_attnum(booking_relid,
															  rule->status_column)));

		if (type_is_enum(type))
			mend_statuses(rule, catalog_enum_labels(type));
	}
	return rule;
}

/*
 * mend_broken_guard
 *
 * The statements that mend a guard which has both its triggers and cannot be
 * resolved.
 *
 * Whether a rule would do is tried out, each time in a subtransaction: that it
 * would not is no error here.  The caller holds ACCESS SHARE on both tables;
 * nothing stronger is taken.
 */
char *
mend_broken_guard(Oid sibling, const GuardTrigger *service,
				  const GuardTrigger *booking)
{
	Oid			service_relid = service->relid;
	Oid			booking_relid = booking->relid;
	GuardRule	rule = {0};
	GuardRule  *mended;
	char	   *removal;
	int			error;
	StringInfoData columns;
	ListCell   *lc;

	if (rule_read_arguments(&rule, SERVICE_SIDE, service->nargs,
							service->args) != NULL ||
		rule_read_arguments(&rule, BOOKING_SIDE, booking->nargs,
							booking->args) != NULL)
		return mend_unprotect_call(sibling, service_relid, booking_relid, NIL);

	removal = mend_unprotect_call(sibling, service_relid, booking_relid,
								  rule.booking_key);
	error = rule_error(&rule, sibling, service_relid, booking_relid);

	/* If the rule is sound, its triggers are not as they should be. */
	mended = mend_rule(&rule, service_relid, booking_relid);
	if (error == 0 || mended->service_key == NIL)
		return psprintf("%s %s", removal,
						rule_definition(mended, sibling, service_relid,
										booking_relid));

	/* The unique index, unless somebody wrote keys that are no pair by hand. */
	if (error == ERRCODE_INVALID_FOREIGN_KEY)
	{
		if (list_length(rule.service_key) != list_length(rule.booking_key))
			return removal;
		initStringInfo(&columns);
		foreach(lc, rule.service_key)
			appendStringInfo(&columns, "%s%s", columns.len > 0 ? ", " : "",
							 quote_identifier((char *) lfirst(lc)));
		return psprintf("CREATE UNIQUE INDEX %sON %s (%s);",
						get_rel_relkind(service_relid) ==
						RELKIND_PARTITIONED_TABLE ? "" : "CONCURRENTLY ",
						rule_table_name(service_relid), columns.data);
	}

	/* A type may have changed to one that a guard makes nothing of. */
	for (int i = 0; i < 3; i++)
	{
		if (i == 1)
			forget_statuses(mended);
		else if (i == 2)
			mended->time_column = NULL;
		if (rule_error(mended, sibling, service_relid, booking_relid) == 0)
			return mend_protect_call(mended, sibling, service_relid,
									 booking_relid);
	}
	return removal;
}


/* ----------------------------------------------------------------
 *		A guard of which only one trigger is there
 * ----------------------------------------------------------------
 */

/*
 * The triggers on one side between two tables that have no partner on the
 * other.
 */
static List *
half_guards(Oid sibling, GuardSide side, Oid service_relid,
			Oid booking_relid)
{
	GuardSide	other_side = side == SERVICE_SIDE ? BOOKING_SIDE : SERVICE_SIDE;
	List	   *halves = NIL;
	ListCell   *lc;

	foreach(lc, catalog_guards(sibling, side))
	{
		GuardTrigger *trigger = (GuardTrigger *) lfirst(lc);

		if (trigger->relid == (side == SERVICE_SIDE ?
							   service_relid : booking_relid) &&
			trigger->from_relid == (side == SERVICE_SIDE ?
									booking_relid : service_relid) &&
			catalog_partner(trigger, other_side) == NULL)
			halves = lappend(halves, trigger);
	}
	return halves;
}

/*
 * Whether triggers of this name fire before the server's own.
 */
static bool
fires_in_time(const char *name)
{
	return strcmp(name, RI_TRIGGER_NAME_PREFIX) < 0;
}

/*
 * The statements that give a guard's two triggers the same name again; NULL
 * if another trigger has it.
 */
static char *
renaming_fix(const GuardTrigger *service, const GuardTrigger *booking)
{
	const GuardTrigger *const triggers[] = {service, booking};
	const char *name = service->name;
	StringInfoData fix;

	if (!fires_in_time(name))
		name = booking->name;
	if (!fires_in_time(name))
		name = psprintf("%s%s", GUARD_NAME_PREFIX, name);

	initStringInfo(&fix);
	for (int i = 0; i < (int) lengthof(triggers); i++)
	{
		if (strcmp(triggers[i]->name, name) == 0)
			continue;
		if (catalog_trigger_by_name(triggers[i]->relid, name) != NULL)
			return NULL;
		appendStringInfo(&fix, "%s%s", fix.len > 0 ? " " : "",
						 mend_rename_trigger(triggers[i], name));
	}
	return fix.data;
}

/*
 * Whether a whole guard has the tables of half a guard on the booking side, and
 * this key.
 */
static bool
is_guarded_by(Oid sibling, const GuardTrigger *half, List *booking_key)
{
	ListCell   *lc;

	foreach(lc, catalog_guards(sibling, BOOKING_SIDE))
	{
		GuardTrigger *other = (GuardTrigger *) lfirst(lc);
		GuardRule	rule = {0};

		if (other->relid == half->relid &&
			other->from_relid == half->from_relid &&
			catalog_partner(other, SERVICE_SIDE) != NULL &&
			rule_read_arguments(&rule, BOOKING_SIDE, other->nargs,
								other->args) == NULL &&
			rule_same_columns(booking_key, rule.booking_key))
			return true;
	}
	return false;
}

/*
 * The call that makes a guard anew of the one trigger that is left; NULL if
 * that cannot be read.
 *
 * A trigger on the booking table has all that makes a booking a claim; what
 * the other had, its key, tenant and label, is learnt anew.  If only that on
 * the service table is left, its bookings' options are lost: the call asks
 * for the defaults, and is refused where they do not fit.
 */
static char *
half_guard_fix(Oid sibling, const GuardTrigger *half, GuardSide side)
{
	GuardRule	rule = {0};
	Oid			service_relid = side == SERVICE_SIDE ?
		half->relid : half->from_relid;
	Oid			booking_relid = side == SERVICE_SIDE ?
		half->from_relid : half->relid;
	ListCell   *lc;

	rule.label = DEFAULT_LABEL;
	if (side == SERVICE_SIDE)
	{
		rule.status_column = "status";
		rule.time_column = "date";
		rule.time_zone = "UTC";
		rule.booking_label = "booking";
		rule.keep_attached = true;
		rule.mode = MODE_ENFORCE;
	}
	if (rule_read_arguments(&rule, side, half->nargs, half->args) != NULL)
		return NULL;

	/* beside a whole guard the half must go, and not replace it */
	if (side == BOOKING_SIDE && is_guarded_by(sibling, half, rule.booking_key))
		return NULL;

	/* All guards of a table have the same tenant column. */
	foreach(lc, catalog_guards(sibling, SERVICE_SIDE))
	{
		GuardTrigger *other = (GuardTrigger *) lfirst(lc);
		GuardRule	others = {0};

		if (side == BOOKING_SIDE && other->relid == service_relid &&
			rule_read_arguments(&others, SERVICE_SIDE, other->nargs,
								other->args) == NULL)
			rule.tenant_column = others.tenant_column;
	}
	return mend_protect_call(&rule, sibling, service_relid, booking_relid);
}

/*
 * mend_half_guard
 *
 * The statements that mend a guard of which only the trigger on this side is
 * there.
 *
 * One that was renamed on one side only is there in two halves: *other is the
 * other half then, and NULL otherwise.  If there are more halves between the
 * same tables, which belongs to which cannot be told; and since making one
 * anew removes all halves, the statements make all of them.
 *
 * The caller holds ACCESS SHARE on both tables, so that neither they nor
 * their triggers go away meanwhile; nothing more is taken.
 */
char *
mend_half_guard(Oid sibling, const GuardTrigger *half, GuardSide side,
				const GuardTrigger **other)
{
	Oid			service_relid = side == SERVICE_SIDE ?
		half->relid : half->from_relid;
	Oid			booking_relid = side == SERVICE_SIDE ?
		half->from_relid : half->relid;
	List	   *services = half_guards(sibling, SERVICE_SIDE, service_relid,
									   booking_relid);
	List	   *bookings = half_guards(sibling, BOOKING_SIDE, service_relid,
									   booking_relid);
	StringInfoData fix;
	ListCell   *lc;

	*other = NULL;
	if (list_length(services) == 1 && list_length(bookings) == 1)
	{
		char	   *renaming = renaming_fix(linitial(services),
											linitial(bookings));

		if (renaming != NULL)
		{
			*other = linitial(side == SERVICE_SIDE ? bookings : services);
			return renaming;
		}
	}

	initStringInfo(&fix);
	if (bookings == NIL && list_length(services) == 1)
		bookings = services;
	foreach(lc, bookings)
	{
		char	   *call = half_guard_fix(sibling, (GuardTrigger *) lfirst(lc),
										  bookings == services ?
										  SERVICE_SIDE : BOOKING_SIDE);

		if (call != NULL)
			appendStringInfo(&fix, "%s%s", fix.len > 0 ? " " : "", call);
	}
	if (fix.len == 0)
		appendStringInfoString(&fix, mend_unprotect_call(sibling,
														 service_relid,
														 booking_relid, NIL));
	return fix.data;
}
