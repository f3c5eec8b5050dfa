/*-------------------------------------------------------------------------
 *
 * report.c
 *	  Every message that a user may see, once.
 *
 * Messages of the guard are sentences for the person who reads them on a
 * screen; the rest is for developers.  What a message tells about rows
 * depends on what the caller may read, as ri_ReportViolation() has it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "parser/parse_coerce.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/rls.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/varlena.h"

#include "report.h"


/* ----------------------------------------------------------------
 *		Words
 * ----------------------------------------------------------------
 */

/*
 * The plural of an English noun, well enough for a label.
 */
static char *
plural(const char *noun)
{
	size_t		len = strlen(noun);
	char		last = len > 0 ? noun[len - 1] : '\0';
	char		before = len > 1 ? noun[len - 2] : '\0';

	if (last == 's' || last == 'x' || last == 'z' ||
		(last == 'h' && (before == 'c' || before == 's')))
		return psprintf("%ses", noun);
	if (last == 'y' && before != '\0' && strchr("aeiou", before) == NULL)
		return psprintf("%.*sies", (int) len - 1, noun);
	return psprintf("%ss", noun);
}

/* "3 upcoming bookings" */
static char *
upcoming_bookings(Guard *guard, int64 count)
{
	const char *noun = guard->rule->booking_label;

	return psprintf(INT64_FORMAT " upcoming %s", count,
					count == 1 ? noun : plural(noun));
}

/* "a, b, c" */
static char *
comma_list(List *words)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, words)
		appendStringInfo(&buf, "%s%s", lc == list_head(words) ? "" : ", ",
						 (char *) lfirst(lc));
	return buf.data;
}

/* "a, b and c" */
static char *
enumerate(List *words)
{
	StringInfoData buf;
	int			n = list_length(words);

	initStringInfo(&buf);
	for (int i = 0; i < n; i++)
		appendStringInfo(&buf, "%s%s",
						 i == 0 ? "" : i == n - 1 ? " and " : ", ",
						 (char *) list_nth(words, i));
	return buf.data;
}

/* A function of the extension, with its schema where that is needed. */
static char *
extension_function(Oid sibling, const char *name)
{
	if (FunctionIsVisible(sibling))
		return pstrdup(name);
	return quote_qualified_identifier(get_namespace_name(get_func_namespace(sibling)),
									  name);
}

/*
 * report_table_name
 *
 * A table as regclass would show it.
 */
char *
report_table_name(Oid relid)
{
	if (RelationIsVisible(relid))
		return pstrdup(quote_identifier(get_rel_name(relid)));
	return rule_table_name(relid);
}

/* The same as an SQL literal. */
static char *
table_literal(Oid relid)
{
	return quote_literal_cstr(report_table_name(relid));
}

static char *
array_expression(List *strings)
{
	StringInfoData buf;

	initStringInfo(&buf);
	rule_append_array(&buf, strings);
	return buf.data;
}

/* Whether the time column says on which day, not at what time. */
static bool
has_days(Guard *guard)
{
	return guard->time_kind == TIME_DATE || guard->time_kind == TIME_DATERANGE;
}

/* An instant in the guard's zone, or a day where the time column has days. */
static char *
start_text(Guard *guard, TimestampTz start)
{
	char		buf[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;
	int			tz;
	const char *tzn;

	if (TIMESTAMP_NOT_FINITE(start))
		EncodeSpecialTimestamp(start, buf);
	else if (timestamp2tm(start, &tz, &tm, &fsec, &tzn, guard->zone) != 0)
		elog(ERROR, "timestamp out of range");
	else if (has_days(guard))
		EncodeDateOnly(&tm, USE_ISO_DATES, buf);
	else
		EncodeDateTime(&tm, fsec, true, tz, tzn, USE_ISO_DATES, buf);

	return pstrdup(buf);
}

/*
 * report_value
 *
 * A value as text, without the blanks that fill up a char(n).
 */
char *
report_value(Oid type, Datum value)
{
	Oid			output;
	bool		is_varlena;
	char	   *text;

	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	if (getBaseType(type) == BPCHAROID)
	{
		for (char *end = text + strlen(text); end > text && end[-1] == ' ';)
			*--end = '\0';
	}
	return text;
}

static char *
column_text(TupleTableSlot *slot, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = slot_getattr(slot, attnum, &isnull);

	if (isnull)
		return pstrdup("null");
	return report_value(TupleDescAttr(slot->tts_tupleDescriptor,
									attnum - 1)->atttypid, value);
}

/* "(a, b)=(1, 2)", of a row of the table that carries the trigger. */
static char *
key_text(Guard *guard, TupleTableSlot *slot)
{
	StringInfoData names;
	StringInfoData values;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < guard->nkeys; i++)
	{
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ",
						 guard->side == SERVICE_SIDE ?
						 guard->key[i].service_name :
						 guard->key[i].booking_name);
		appendStringInfo(&values, "%s%s", i == 0 ? "" : ", ",
						 column_text(slot, guard->key[i].attnum));
	}
	return psprintf("(%s)=(%s)", names.data, values.data);
}

/* How many bookings have a status. */
typedef struct StatusCount
{
	char	   *status;
	int64		count;
} StatusCount;

/* The most frequent first. */
static int
compare_status_counts(const void *a, const void *b)
{
	const StatusCount *ca = (const StatusCount *) a;
	const StatusCount *cb = (const StatusCount *) b;

	if (ca->count != cb->count)
		return ca->count > cb->count ? -1 : 1;
	return strcmp(ca->status, cb->status);
}

/* "2 CONFIRMED and 1 PENDING" */
static char *
statuses_text(Guard *guard, ClaimTally *tally)
{
	StatusCount counts[lengthof(tally->status)];
	List	   *parts = NIL;
	int64		others = tally->total;

	if (guard->rule->status_column == NULL)
		return upcoming_bookings(guard, tally->total);

	for (int i = 0; i < tally->nstatuses; i++)
	{
		counts[i].status = report_value(guard->status_type,
									  tally->status[i].value);
		counts[i].count = tally->status[i].count;
		others -= tally->status[i].count;
	}
	qsort(counts, tally->nstatuses, sizeof(StatusCount),
		  compare_status_counts);

	for (int i = 0; i < tally->nstatuses; i++)
		parts = lappend(parts, psprintf(INT64_FORMAT " %s", counts[i].count,
										counts[i].status));
	if (others > 0)
		parts = lappend(parts, psprintf(INT64_FORMAT " more", others));
	return enumerate(parts);
}


/* ----------------------------------------------------------------
 *		Who may read what
 * ----------------------------------------------------------------
 */

static bool
role_may_read(Oid roleid, Oid relid, List *columns)
{
	ListCell   *lc;

	if (check_enable_rls(relid, roleid, true) == RLS_ENABLED)
		return false;
	if (pg_class_aclcheck(relid, roleid, ACL_SELECT) == ACLCHECK_OK)
		return true;
	foreach(lc, columns)
	{
		AttrNumber	attnum = get_attnum(relid, (char *) lfirst(lc));

		if (pg_attribute_aclcheck(relid, attnum, roleid,
								  ACL_SELECT) != ACLCHECK_OK)
			return false;
	}
	return true;
}

/*
 * When a foreign key cascades, or in a SECURITY DEFINER function, the current
 * user is the owner of something, while the message goes to the user outside;
 * both must be allowed to read it.
 */
static bool
caller_may_read(Oid relid, List *columns)
{
	return role_may_read(GetUserId(), relid, columns) &&
		role_may_read(GetOuterUserId(), relid, columns);
}

/*
 * report_may_read
 *
 * Whether the caller may read what a message would tell about one of a
 * guard's tables: no row-level security applies, and there is SELECT on the
 * table or on the columns concerned.
 */
bool
report_may_read(Guard *guard, GuardSide side)
{
	const GuardRule *rule = guard->rule;
	Oid			relid = side == SERVICE_SIDE ?
		guard->service_relid : guard->booking_relid;
	List	   *columns;

	if (side == SERVICE_SIDE)
	{
		columns = list_copy(rule->service_key);
		if (rule->tenant_column != NULL)
			columns = lappend(columns, rule->tenant_column);
	}
	else
	{
		columns = list_copy(rule->booking_key);
		if (rule->status_column != NULL)
			columns = lappend(columns, rule->status_column);
		if (rule->time_column != NULL)
			columns = lappend(columns, rule->time_column);
	}

	return caller_may_read(relid, columns);
}

/*
 * Whether the caller may call booking_guard_blocking_bookings(), which reads
 * a little more of the bookings.
 */
static bool
may_list(Guard *guard)
{
	List	   *columns = catalog_primary_key(guard->booking_relid);

	if (guard->rule->inactive_column != NULL)
		columns = lappend(columns, guard->rule->inactive_column);
	return caller_may_read(guard->booking_relid, columns);
}


/* ----------------------------------------------------------------
 *		For the log
 * ----------------------------------------------------------------
 */

/*
 * Tell the log what a guard refuses.  key is NULL unless it is about one row,
 * tally if nothing was counted, problem unless the guard itself has one.
 */
static void
log_event(Guard *guard, const char *action, bool is_verdict, const char *key,
		  ClaimTally *tally, const char *problem)
{
	GuardEvent	event = {0};

	event.action = action;
	event.guard = guard->name;
	event.service_relid = guard->service_relid;
	event.booking_relid = guard->booking_relid;
	event.mode = guard->rule->mode;
	event.is_verdict = is_verdict;
	event.confidential = !enforce_is_on() &&
		(!report_may_read(guard, SERVICE_SIDE) ||
		 !report_may_read(guard, BOOKING_SIDE));
	event.key = key;
	event.count = key != NULL ? 1 : 0;	/* it is about one booking ... */
	if (tally != NULL)				/* ... or one service */
	{
		event.count = tally->total;
		if (tally->has_start)
			event.next = start_text(guard, tally->start);
	}
	event.problem = problem;
	enforce_log(&event);
}

/* What is refused, for the log. */
static const char *
action_name(RefusalKind kind)
{
	switch (kind)
	{
		case REFUSE_NOTHING:
			break;
		case REFUSE_DELETE:
			return "delete service";
		case REFUSE_KEY_CHANGE:
			return "change key of service";
		case REFUSE_RETIRE:
			return "retire service";
		case REFUSE_TRUNCATE:
			return "truncate services";
		case REFUSE_DETACH:
			return "detach partition";
		case REFUSE_DROP:
			return "drop partition";
	}
	pg_unreachable();
}

/*
 * report_verdict
 *
 * Log the verdict 'blocked' on an action on the service with this key.
 */
void
report_verdict(Guard *guard, RefusalKind kind, const KeyValues *key,
			   ClaimTally *tally)
{
	StringInfoData names;
	StringInfoData values;

	/* a guard that is overridden gives none */
	if (!enforce_is_logging())
		return;

	initStringInfo(&names);
	initStringInfo(&values);
	for (int i = 0; i < guard->nkeys; i++)
	{
		appendStringInfo(&names, "%s%s", i == 0 ? "" : ", ",
						 guard->key[i].service_name);
		appendStringInfo(&values, "%s%s", i == 0 ? "" : ", ",
						 report_value(guard->key[i].service_type,
									  key->value[i]));
	}
	log_event(guard, action_name(kind), true,
			  psprintf("(%s)=(%s)", names.data, values.data), tally, NULL);
}


/* ----------------------------------------------------------------
 *		The triggers
 * ----------------------------------------------------------------
 */

/*
 * report_check_trigger
 *
 * Raise an error unless a trigger function was called as a trigger, at the
 * time and level that when says (TRIGGER_EVENT_BEFORE or _AFTER, _ROW), for
 * one of the events (a mask of 1 << TRIGGER_EVENT_...).
 */
void
report_check_trigger(FunctionCallInfo fcinfo, const char *function,
					 TriggerEvent when, int events)
{
	const char *hint = "Guards are made by booking_guard_protect(). Drop this trigger.";
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const TriggerEvent mask = TRIGGER_EVENT_TIMINGMASK | TRIGGER_EVENT_ROW;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						function),
				 errdetail("It is a trigger function of booking_guard."),
				 errhint("Guards are made by booking_guard_protect().")));

	if ((trigdata->tg_event & mask) != when)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired %s %s",
						function,
						(when & TRIGGER_EVENT_TIMINGMASK) == TRIGGER_EVENT_BEFORE ?
						"BEFORE" : "AFTER",
						(when & TRIGGER_EVENT_ROW) ? "ROW" : "STATEMENT"),
				 errdetail("Trigger \"%s\" of table \"%s\" fires it otherwise.",
						   trigdata->tg_trigger->tgname,
						   RelationGetRelationName(trigdata->tg_relation)),
				 errhint("%s", hint)));

	if ((events & (1 << (trigdata->tg_event & TRIGGER_EVENT_OPMASK))) == 0)
	{
		static const char *const names[] = {"INSERT", "DELETE", "UPDATE",
		"TRUNCATE"};			/* by TRIGGER_EVENT_... */
		StringInfoData wanted;

		initStringInfo(&wanted);
		for (int event = 0; event < (int) lengthof(names); event++)
		{
			if (events & (1 << event))
				appendStringInfo(&wanted, "%s%s",
								 wanted.len > 0 ? " or " : "", names[event]);
		}
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired for %s",
						function, wanted.data),
				 errdetail("Trigger \"%s\" of table \"%s\" fires it for something else.",
						   trigdata->tg_trigger->tgname,
						   RelationGetRelationName(trigdata->tg_relation)),
				 errhint("%s", hint)));
	}
}

/*
 * report_check_event_trigger
 *
 * Raise the error of an event trigger function that was not called as one.
 */
void
report_check_event_trigger(const char *function)
{
	ereport(ERROR,
			(errcode(ERRCODE_E_R_I_E_EVENT_TRIGGER_PROTOCOL_VIOLATED),
			 errmsg("function \"%s\" was not called by event trigger manager",
					function),
			 errdetail("It is an event trigger function of booking_guard."),
			 errhint("CREATE EXTENSION booking_guard makes its event trigger.")));
}

/*
 * report_rename_fix
 *
 * The statements that give a guard's two triggers a name that fires in time.
 */
char *
report_rename_fix(const char *name, Oid service_relid, Oid booking_relid)
{
	const char *old_name = quote_identifier(name);
	const char *new_name = quote_identifier(psprintf("%s%s",
													 GUARD_NAME_PREFIX, name));

	return psprintf("ALTER TRIGGER %s ON %s RENAME TO %s; ALTER TRIGGER %s ON %s RENAME TO %s;",
					old_name, report_table_name(service_relid), new_name,
					old_name, report_table_name(booking_relid), new_name);
}

/*
 * report_renamed_meanwhile
 *
 * A query would have read another table, now of the name that this one had.
 */
void
report_renamed_meanwhile(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("The schema of table %s was renamed meanwhile.",
					report_table_name(relid)),
			 errdetail("A guard was about to read the table under its old name."),
			 errhint("Try again.")));
}

/*
 * report_sorts_late
 *
 * Refuse to judge a service in a trigger that fires after those of foreign
 * keys: rel is the table that fired it.  Returns if the guard only warns or
 * is overridden.
 */
void
report_sorts_late(Guard *guard, Relation rel, const Trigger *trigger)
{
	Oid			relid = RelationGetRelid(rel);
	int			level = enforce_level(guard->rule->mode);

	log_event(guard, "change service", false, NULL, NULL,
			  "its trigger fires too late");
	if (level == 0)
		return;

	ereport(level,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s cannot be enforced: its trigger fires too late.",
					trigger->tgname, report_table_name(relid)),
			 errdetail("Triggers fire in the order of their names. By then a foreign key may have stripped or deleted the bookings."),
			 errhint("Rename it on both tables: %s",
					 report_rename_fix(trigger->tgname, relid,
									   trigger->tgconstrrelid)),
			 errtableconstraint(rel, trigger->tgname)));
}

/*
 * report_refusal
 *
 * The sentence that refuses to do something to a service, or to relid: a
 * service table or a partition of one.
 */
char *
report_refusal(Guard *guard, RefusalKind kind, Oid relid, int64 total)
{
	const char *bookings = upcoming_bookings(guard, total);

	switch (kind)
	{
		case REFUSE_NOTHING:
			break;
		case REFUSE_DELETE:
			return psprintf("Cannot delete %s with %s.",
							guard->rule->label, bookings);
		case REFUSE_KEY_CHANGE:
			return psprintf("Cannot change the key of %s with %s.",
							guard->rule->label, bookings);
		case REFUSE_RETIRE:
			return psprintf("Cannot retire %s with %s.",
							guard->rule->label, bookings);
		case REFUSE_TRUNCATE:
			return psprintf("Cannot truncate table %s with %s.",
							report_table_name(relid), bookings);
		case REFUSE_DETACH:
			return psprintf("Cannot detach partition %s with %s.",
							report_table_name(relid), bookings);
		case REFUSE_DROP:
			return psprintf("Cannot drop a partition of table %s with %s.",
							report_table_name(relid), bookings);
	}
	pg_unreachable();
}

/*
 * Whether a service cannot be named in a call, for want of a tenant.
 */
static bool
lacks_tenant(Guard *guard, TupleTableSlot *slot)
{
	return guard->rule->tenant_column != NULL &&
		slot_attisnull(slot, guard->tenant_attnum);
}

/*
 * The call that lists what blocks this service.
 */
static char *
list_call(Guard *guard, Relation rel, TupleTableSlot *slot)
{
	StringInfoData buf;
	Oid			function = catalog_function(guard->sibling, SERVICE_FUNCTION);
	Guard	   *id = guard_identifying(guard_of_service(rel, function, true));
	List	   *values = NIL;

	for (int i = 0; i < id->nkeys; i++)
	{
		if (id->rule->tenant_column == NULL ||
			strcmp(id->key[i].service_name, id->rule->tenant_column) != 0)
			values = lappend(values, column_text(slot, id->key[i].attnum));
	}

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT * FROM %s(",
					 extension_function(guard->sibling,
										BLOCKING_BOOKINGS_FUNCTION));
	if (list_length(values) == 1)
		appendStringInfoString(&buf, quote_literal_cstr(linitial(values)));
	else
		rule_append_array(&buf, values);
	if (id->rule->tenant_column != NULL)
		appendStringInfo(&buf, ", %s",
						 quote_literal_cstr(column_text(slot,
														id->tenant_attnum)));
	if (guard_default_service(guard->sibling) != guard->service_relid)
		appendStringInfo(&buf, ", service_table => %s",
						 table_literal(guard->service_relid));
	appendStringInfoString(&buf, ");");
	return buf.data;
}

static char *dangling_hint(Guard *guard, ClaimTally *tally);
static char *claims_query(Guard *guard, Oid booking_relid,
						  const char *exists, Oid service_relid);

/*
 * report_service_refused
 *
 * Refuse what was about to happen to a service, a row of rel (which may be a
 * partition) in slot; or to rel itself, and then slot is NULL.  Returns if the
 * guard only warns or is overridden.
 */
void
report_service_refused(Guard *guard, RefusalKind kind, Relation rel,
					   TupleTableSlot *slot, ClaimTally *tally)
{
	const char *them = tally->total == 1 ? "it" : "them";
	int			level = enforce_level(guard->rule->mode);
	Relation	service;
	char	   *detail = NULL;
	char	   *hint;

	log_event(guard, action_name(kind), false,
			  slot != NULL ? key_text(guard, slot) : NULL, tally, NULL);
	if (level == 0)
		return;

	hint = psprintf("Cancel or move %s first.", them);
	if (kind == REFUSE_DROP)
		hint = dangling_hint(guard, tally);
	else if (kind == REFUSE_DETACH ||
			 (kind == REFUSE_TRUNCATE && rel->rd_rel->relispartition))
		hint = psprintf("%s To list %s: %s", hint, them,
						claims_query(guard, guard->booking_relid, "EXISTS",
									 RelationGetRelid(rel)));
	if (kind == REFUSE_TRUNCATE && !rel->rd_rel->relispartition)
		hint = psprintf("%s To remove both, truncate both tables in one statement: TRUNCATE %s, %s;",
						hint, report_table_name(RelationGetRelid(rel)),
						report_table_name(guard->booking_relid));

	if (report_may_read(guard, SERVICE_SIDE) &&
		report_may_read(guard, BOOKING_SIDE))
	{
		const char *who;
		const char *next = "";

		if (slot == NULL)
			who = psprintf("Table %s",
						   report_table_name(guard->booking_relid));
		else
		{
			who = psprintf("Key %s", key_text(guard, slot));
			if (may_list(guard) && !lacks_tenant(guard, slot))
				hint = psprintf("%s To list %s: %s", hint, them,
								list_call(guard, rel, slot));
		}

		if (tally->has_start)
			next = psprintf("; the next is %s %s",
							has_days(guard) ? "on" : "at",
							start_text(guard, tally->start));
		else if (guard->time_kind != TIME_NONE)
			next = tally->total == 1 ?
				"; it has no time yet" : "; none has a time yet";

		detail = psprintf("%s has %s%s.", who, statuses_text(guard, tally),
						  next);
	}

	service = relation_open(guard->service_relid, AccessShareLock);
	ereport(level,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("%s", report_refusal(guard, kind, RelationGetRelid(rel),
										 tally->total)),
			 detail ? errdetail("%s", detail) : 0,
			 errhint("%s", hint),
			 errtableconstraint(service, guard->name)));
	relation_close(service, NoLock);
}

/*
 * Refuse a booking for want of a service: problem is the end of a sentence,
 * relation that of its key to the service table, event a participle.
 */
static void
refuse_booking(Guard *guard, TupleTableSlot *slot, const char *problem,
			   const char *relation, const char *event)
{
	const char *service = guard->rule->label;
	int			level = enforce_level(guard->rule->mode);
	Relation	booking;
	char	   *detail = NULL;

	log_event(guard, "save booking", false, key_text(guard, slot), NULL, NULL);
	if (level == 0)
		return;

	if (report_may_read(guard, BOOKING_SIDE))
		detail = psprintf("Key %s %s table \"%s\".",
						  key_text(guard, slot), relation,
						  get_rel_name(guard->service_relid));

	booking = relation_open(guard->booking_relid, AccessShareLock);
	ereport(level,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("Cannot save upcoming %s: its %s %s.",
					guard->rule->booking_label, service, problem),
			 detail ? errdetail("%s", detail) : 0,
			 errhint("The %s may just have been %s. Choose another one, or cancel the %s.",
					 service, event, guard->rule->booking_label),
			 errtableconstraint(booking, guard->name)));
	relation_close(booking, NoLock);
}

/*
 * report_not_serializable
 *
 * A service row was changed or deleted between our snapshot and our lock, in a
 * transaction that may not go on then.  In the server's own words, which
 * applications and the server's translations know.
 */
void
report_not_serializable(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
			 errmsg("could not serialize access due to concurrent update")));
}

/*
 * report_service_gone
 *
 * Refuse a booking, a row of the table that carries the guard's trigger in
 * slot, whose service does not exist.  Keeps ACCESS SHARE on the booking table.
 * Returns if the guard only warns or is overridden.
 */
void
report_service_gone(Guard *guard, TupleTableSlot *slot)
{
	refuse_booking(guard, slot, "does not exist", "is not present in",
				   "deleted");
}

/*
 * report_service_retired
 *
 * The same for one whose service is retired.
 */
void
report_service_retired(Guard *guard, TupleTableSlot *slot)
{
	refuse_booking(guard, slot, "is retired", "points at a retired row of",
				   "retired");
}

/*
 * report_detached
 *
 * Refuse an update of a booking that takes its service away.  oldslot is NULL
 * if the row moved to another partition.  Keeps ACCESS SHARE on the booking
 * table.  Returns if the guard only warns or is overridden.
 */
void
report_detached(Guard *guard, TupleTableSlot *oldslot,
				TupleTableSlot *newslot)
{
	int			level = enforce_level(guard->rule->mode);
	Relation	booking;
	char	   *detail = NULL;

	log_event(guard, "detach booking", false,
			  oldslot != NULL ? key_text(guard, oldslot) : NULL, NULL, NULL);
	if (level == 0)
		return;

	if (report_may_read(guard, BOOKING_SIDE))
	{
		detail = psprintf("%s would become NULL",
						  oldslot != NULL ?
						  psprintf("Key %s", key_text(guard, oldslot)) :
						  "Its key");
		if (guard->rule->status_column != NULL)
			detail = psprintf("%s while the %s is still %s", detail,
							  guard->rule->booking_label,
							  column_text(newslot, guard->columns.status));
		detail = psprintf("%s.", detail);
	}

	booking = relation_open(guard->booking_relid, AccessShareLock);
	ereport(level,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("Cannot detach upcoming %s from its %s.",
					guard->rule->booking_label, guard->rule->label),
			 detail ? errdetail("%s", detail) : 0,
			 errhint("Cancel the %s first, or move it to another %s.",
					 guard->rule->booking_label, guard->rule->label),
			 errtableconstraint(booking, guard->name)));
	relation_close(booking, NoLock);
}


/* ----------------------------------------------------------------
 *		A guard that cannot be understood, or cannot be made
 * ----------------------------------------------------------------
 */

static char *
unprotect_call(Oid sibling, Oid service_relid, Oid booking_relid, List *key)
{
	return psprintf("SELECT %s(%s, %s%s%s);",
					extension_function(sibling, UNPROTECT_FUNCTION),
					table_literal(service_relid),
					table_literal(booking_relid),
					key != NIL ? ", " : "",
					key != NIL ? array_expression(key) : "");
}

static char *
unprotect_call_by_guard(Guard *guard)
{
	return unprotect_call(guard->sibling, guard->service_relid,
						  guard->booking_relid, guard->rule->booking_key);
}

/*
 * Say why a guard cannot be.  While it is being made, that is bad input and
 * has the SQLSTATE given; once it is there, the guard is broken and refuses
 * everything, and the hint adds how to get rid of it.  problem is the end of
 * a sentence, detail and hint are sentences.
 */
static void unusable(Guard *guard, int sqlstate, const char *problem,
					 const char *detail, const char *hint)
	pg_attribute_noreturn();

static void
unusable(Guard *guard, int sqlstate, const char *problem, const char *detail,
		 const char *hint)
{
	if (guard->name == NULL)
		ereport(ERROR,
				(errcode(sqlstate),
				 errmsg("Cannot guard table %s by table %s: %s.",
						report_table_name(guard->service_relid),
						report_table_name(guard->booking_relid), problem),
				 errdetail("%s", detail),
				 errhint("%s", hint)));

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s cannot be enforced: %s.",
					guard->name, report_table_name(guard->service_relid), problem),
			 errdetail("%s%s", detail, REPORT_REFUSES_MEANWHILE),
			 errhint("%s Statements that mend it: SELECT fix FROM %s(); To remove the guard: %s",
					 hint, extension_function(guard->sibling, HEALTH_FUNCTION),
					 unprotect_call_by_guard(guard)),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, guard->name)));
}

/*
 * report_without_from
 *
 * A guard's trigger that names no other table.
 */
void
report_without_from(const GuardTrigger *trigger)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Trigger \"%s\" on table %s is not a guard: it does not say FROM which table.",
					trigger->name, report_table_name(trigger->relid)),
			 errdetail("A guard is a pair of constraint triggers, each FROM the other's table."),
			 errhint("Guards are made by booking_guard_protect(). To remove this trigger: DROP TRIGGER %s ON %s;",
					 quote_identifier(trigger->name),
					 report_table_name(trigger->relid))));
}

/*
 * report_without_partner
 *
 * A guard of which only the trigger on this side is there.
 */
void
report_without_partner(const GuardTrigger *trigger, GuardSide side)
{
	Oid			service_relid = side == SERVICE_SIDE ?
		trigger->relid : trigger->from_relid;
	Oid			booking_relid = side == SERVICE_SIDE ?
		trigger->from_relid : trigger->relid;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s cannot be enforced: its trigger on table %s is missing.",
					trigger->name, report_table_name(service_relid),
					report_table_name(side == SERVICE_SIDE ?
							   booking_relid : service_relid)),
			 errdetail("A guard is a pair of constraint triggers of the same name, one on each table.%s",
					   REPORT_REFUSES_MEANWHILE),
			 errhint("If a trigger was renamed, rename it back. To remove the guard: %s",
					 unprotect_call(trigger->function, service_relid,
									booking_relid, NIL)),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, trigger->name)));
}

/*
 * report_bad_triggers
 *
 * A guard whose triggers are not what booking_guard_protect() makes; problem is
 * the end of a sentence.
 */
void
report_bad_triggers(const GuardTrigger *service_trigger, const char *problem)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s cannot be enforced: %s.",
					service_trigger->name,
					report_table_name(service_trigger->relid), problem),
			 errdetail("Its triggers are not as booking_guard_protect() makes them.%s",
					   REPORT_REFUSES_MEANWHILE),
			 errhint("To remove the guard, and then make it anew: %s",
					 unprotect_call(service_trigger->function,
									service_trigger->relid,
									service_trigger->from_relid, NIL)),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME,
								service_trigger->name)));
}

/*
 * The columns of a table, those that look like name first.
 */
static List *
likely_columns(Oid relid, const char *name)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	TupleDesc	desc = RelationGetDescr(rel);
	List	   *near = NIL;
	List	   *all = NIL;
	int			limit = Max(2, (int) strlen(name) / 3);

	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		char	   *column = NameStr(att->attname);

		if (att->attisdropped)
			continue;
		all = lappend(all, psprintf("\"%s\"", column));
		if (pg_strcasecmp(column, name) == 0 ||
			(strlen(name) < NAMEDATALEN &&
			 varstr_levenshtein_less_equal(name, strlen(name),
										   column, strlen(column),
										   1, 1, 1, limit, true) <= limit))
			near = lappend(near, psprintf("\"%s\"", column));
	}
	relation_close(rel, NoLock);

	return list_length(near) > 0 ? near : list_truncate(all, 20);
}

/*
 * report_no_such_column
 *
 * A rule names a column that its table does not have.  option is the argument
 * of booking_guard_protect() that named it, or NULL for a column that only a
 * partition lacks.
 */
void
report_no_such_column(Guard *guard, Oid relid, const char *name,
					  const char *option)
{
	char	   *hint;
	size_t		len = strlen(name);

	if (len > 2 && name[0] == '"' && name[len - 1] == '"')
		hint = "Give the name as it is, without double quotes.";
	else if (option == NULL || guard->name != NULL)
		hint = "If the column was renamed, rename it back.";
	else if (strcmp(option, "status_column") == 0 ||
			 strcmp(option, "time_column") == 0)
		hint = psprintf("Name it with %s => '...', or say %s => NULL if there is none.",
						option, option);
	else
		hint = psprintf("Name it with %s => %s.", option,
						strstr(option, "_key") != NULL ?
						"ARRAY['...']" : "'...'");

	unusable(guard, ERRCODE_UNDEFINED_COLUMN,
			 psprintf("table %s has no column \"%s\"",
					  report_table_name(relid), name),
			 psprintf("It has %s.",
					  enumerate(likely_columns(relid, name))),
			 hint);
}

/*
 * report_virtual_column
 *
 * A rule names a generated column that is computed only when it is read.
 */
void
report_virtual_column(Guard *guard, Oid relid, const char *name)
{
	unusable(guard, ERRCODE_FEATURE_NOT_SUPPORTED,
			 psprintf("column \"%s\" of table %s is a virtual generated column",
					  name, report_table_name(relid)),
			 "Triggers see NULL in such a column, so a guard could not tell what it says.",
			 "Drop the column and add it again as a STORED one.");
}

/*
 * report_key_lengths_differ
 *
 * A rule whose keys have different numbers of columns.
 */
void
report_key_lengths_differ(Guard *guard)
{
	int			nservice = list_length(guard->rule->service_key);
	int			nbooking = list_length(guard->rule->booking_key);

	unusable(guard, ERRCODE_INVALID_FOREIGN_KEY,
			 "the two keys do not have the same number of columns",
			 psprintf("service_key has %d and booking_key has %d; at most %d are possible.",
					  nservice, nbooking, INDEX_MAX_KEYS),
			 "Name the columns in pairs: the first of booking_key points at the first of service_key, and so on.");
}

/*
 * report_key_repeats
 *
 * A rule whose key names a column twice.
 */
void
report_key_repeats(Guard *guard)
{
	unusable(guard, ERRCODE_INVALID_FOREIGN_KEY,
			 "a key names a column twice",
			 psprintf("service_key is (%s), booking_key is (%s).",
					  comma_list(guard->rule->service_key),
					  comma_list(guard->rule->booking_key)),
			 "Name each column once.");
}

/*
 * report_key_types_differ
 *
 * A rule whose keys cannot be compared in this column.
 */
void
report_key_types_differ(Guard *guard, const GuardKeyColumn *key)
{
	Oid			function;
	char	   *hint = "Name columns of the same type.";

	if (find_coercion_pathway(key->service_type, key->booking_type,
							  COERCION_EXPLICIT, &function) !=
		COERCION_PATH_NONE)
		hint = psprintf("Give both columns the same type: ALTER TABLE %s ALTER COLUMN %s TYPE %s USING %s::%s;",
						report_table_name(guard->booking_relid),
						quote_identifier(key->booking_name),
						format_type_be(key->service_type),
						quote_identifier(key->booking_name),
						format_type_be(key->service_type));

	unusable(guard, ERRCODE_DATATYPE_MISMATCH,
			 "the types of the keys do not match",
			 psprintf("\"%s\" of the service is %s, \"%s\" of the booking is %s.",
					  key->service_name, format_type_be(key->service_type),
					  key->booking_name, format_type_be(key->booking_type)),
			 hint);
}

/*
 * report_no_unique_index
 *
 * A service key without a unique index that a guard can rest on.
 */
void
report_no_unique_index(Guard *guard)
{
	StringInfoData columns;

	initStringInfo(&columns);
	for (int i = 0; i < guard->nkeys; i++)
		appendStringInfo(&columns, "%s%s", i == 0 ? "" : ", ",
						 quote_identifier(guard->key[i].service_name));

	unusable(guard, ERRCODE_INVALID_FOREIGN_KEY,
			 psprintf("there is no unique index on (%s) of table %s",
					  columns.data, report_table_name(guard->service_relid)),
			 "It must be on just these columns, valid, not deferrable and without WHERE or expressions, as for a foreign key; else a booker's lock does not keep the key from changing.",
			 psprintf("Make one: CREATE UNIQUE INDEX %sON %s (%s);",
					  get_rel_relkind(guard->service_relid) ==
					  RELKIND_PARTITIONED_TABLE ? "" : "CONCURRENTLY ",
					  report_table_name(guard->service_relid), columns.data));
}

/*
 * report_tenant_type
 *
 * A tenant column that no tenant_id can be compared with.
 */
void
report_tenant_type(Guard *guard, Oid type)
{
	unusable(guard, ERRCODE_UNDEFINED_FUNCTION,
			 psprintf("the type of column \"%s\" has no equality",
					  guard->rule->tenant_column),
			 psprintf("It is of type %s.", format_type_be(type)),
			 "Name a column of another type, or leave tenant_column out.");
}

/*
 * report_status_type
 *
 * A status column of a type without equality, or of arrays.
 */
void
report_status_type(Guard *guard)
{
	unusable(guard, ERRCODE_UNDEFINED_FUNCTION,
			 psprintf("the type of column \"%s\" %s",
					  guard->rule->status_column,
					  OidIsValid(guard->status_eq_opr) ?
					  "is not for statuses" : "has no equality"),
			 psprintf("It is of type %s.",
					  format_type_be(guard->status_type)),
			 "Use a status column of an enum, text, integer or boolean type, or say status_column => NULL.");
}

/*
 * A value in a rule that its column, of this type, cannot have.
 */
static void unknown_value(Guard *guard, const char *value, Oid type,
						  Oid relid, const char *column, const char *hint)
	pg_attribute_noreturn();

static void
unknown_value(Guard *guard, const char *value, Oid type, Oid relid,
			  const char *column, const char *hint)
{
	Oid			base_type = getBaseType(type);
	bool		is_enum = type_is_enum(base_type);
	char	   *detail;

	if (is_enum)
		detail = psprintf("Its labels are %s.",
						  enumerate(catalog_enum_labels(base_type)));
	else
		detail = psprintf("Column \"%s\" of table %s is of that type.",
						  column, report_table_name(relid));

	unusable(guard, ERRCODE_INVALID_PARAMETER_VALUE,
			 psprintf("\"%s\" is not a %s of type %s", value,
					  is_enum ? "label" : "value", format_type_be(type)),
			 detail, hint);
}

/*
 * report_unknown_status
 *
 * A status in a rule that its column cannot have.
 */
void
report_unknown_status(Guard *guard, const char *label)
{
	unknown_value(guard, label, guard->status_type, guard->booking_relid,
				  guard->rule->status_column,
				  psprintf("Say which statuses block, blocking_statuses => ARRAY[%s], or which do not, free_statuses => ARRAY[...].",
						   guard->status_is_enum ? "..." :
						   guard->status_base_type == BOOLOID ? "'true'" :
						   "'1', '2'"));
}

/*
 * report_retire_column_in_key
 *
 * A column that both identifies a service and would say that it is retired.
 */
void
report_retire_column_in_key(Guard *guard)
{
	unusable(guard, ERRCODE_INVALID_PARAMETER_VALUE,
			 psprintf("retire_column \"%s\" is part of the key",
					  guard->rule->retire_column),
			 psprintf("service_key is (%s); retiring a service must not change what its bookings point at.",
					  comma_list(guard->rule->service_key)),
			 "Name another column with retire_column => '...', or leave it out.");
}

/*
 * report_retire_boolean
 *
 * A boolean retire_column without a retire_value.
 */
void
report_retire_boolean(Guard *guard)
{
	unusable(guard, ERRCODE_INVALID_PARAMETER_VALUE,
			 psprintf("column \"%s\" is boolean, and there is no retire_value",
					  guard->rule->retire_column),
			 "Without one, every value but NULL would mean that a service is retired, true as well as false.",
			 "Say retire_value => 'false' if false means that it is, or retire_value => 'true'.");
}

/*
 * report_retire_type
 *
 * A retire_column whose values cannot be compared with the retire_value.
 */
void
report_retire_type(Guard *guard)
{
	unusable(guard, ERRCODE_UNDEFINED_FUNCTION,
			 psprintf("the type of column \"%s\" has no equality",
					  guard->rule->retire_column),
			 psprintf("It is of type %s, and retire_value is given.",
					  format_type_be(guard->retire_type)),
			 "Name a column of another type, or leave retire_value out: then every value but NULL means that a service is retired.");
}

/*
 * report_unknown_retire_value
 *
 * A retire_value that its column cannot have.
 */
void
report_unknown_retire_value(Guard *guard)
{
	unknown_value(guard, guard->rule->retire_value, guard->retire_type,
				  guard->service_relid, guard->rule->retire_column,
				  "Say which value means that a service is retired: retire_value => '...'.");
}

/*
 * report_unknown_time_zone
 *
 * A time zone in a rule that the server does not know.
 */
void
report_unknown_time_zone(Guard *guard)
{
	unusable(guard, ERRCODE_INVALID_PARAMETER_VALUE,
			 psprintf("time zone \"%s\" is not known",
					  guard->rule->time_zone),
			 "A guard takes the names in pg_timezone_names, which follow summer time.",
			 "Use a name such as 'Europe/Berlin'. To list them: SELECT name FROM pg_timezone_names;");
}

/*
 * report_time_type
 *
 * A time column of a type that tells no time.
 */
void
report_time_type(Guard *guard)
{
	unusable(guard, ERRCODE_DATATYPE_MISMATCH,
			 psprintf("column \"%s\" does not hold a time",
					  guard->rule->time_column),
			 psprintf("It is of type %s; a guard knows date, timestamp with or without time zone, and the ranges of these.",
					  format_type_be(guard->time_type)),
			 "Name another column with time_column => '...', or say time_column => NULL if every booking is upcoming.");
}


/* ----------------------------------------------------------------
 *		booking_guard_protect and booking_guard_unprotect
 * ----------------------------------------------------------------
 */

/*
 * report_null_argument
 *
 * A NULL where a function does not take one.
 */
void
report_null_argument(const char *function, const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("%s of %s() must not be NULL.", argument, function),
			 errdetail("NULL has no meaning there."),
			 errhint("Give a value for %s, or leave it out if it has a default.",
					 argument)));
}

/*
 * report_empty_argument
 *
 * An empty string where a function does not take one.
 */
void
report_empty_argument(const char *function, const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s of %s() must not be empty.", argument, function),
			 errdetail("An empty string names nothing."),
			 errhint("Give a value for %s, or leave it out if it has a default.",
					 argument)));
}

/*
 * report_bad_list
 *
 * An array argument that is not a list of strings.
 */
void
report_bad_list(const char *argument)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s must be a list of one or more strings.", argument),
			 errdetail("It is empty, has NULL in it or has more than one dimension."),
			 errhint("Write it as ARRAY['...', '...'].")));
}

/*
 * report_conflicting_statuses
 *
 * Both blocking_statuses and free_statuses.
 */
void
report_conflicting_statuses(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("blocking_statuses and free_statuses cannot both be given."),
			 errdetail("A booking is active if its status is among the one, or is not among the other."),
			 errhint("Leave out one of the two.")));
}

/*
 * report_statuses_without_column
 *
 * Statuses, but no column to find them in.
 */
void
report_statuses_without_column(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("Statuses are given, but status_column is NULL."),
			 errdetail("Without a status column every booking is active."),
			 errhint("Name the column with status_column => '...', or leave out the statuses.")));
}

/*
 * report_retire_value_without_column
 *
 * A retire_value, but no column to find it in.
 */
void
report_retire_value_without_column(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("retire_value is given, but retire_column is NULL."),
			 errdetail("Without a column that says so no service is ever retired."),
			 errhint("Name the column with retire_column => '...', or leave out retire_value.")));
}

/*
 * report_bad_mode
 *
 * A mode that no guard can be in.
 */
void
report_bad_mode(const char *mode)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("There is no mode \"%s\".", mode),
			 errdetail("A guard may refuse what breaks its promise, or only warn of it."),
			 errhint("Say mode => '%s' or mode => '%s'.", MODE_ENFORCE,
					 MODE_WARN)));
}

/*
 * report_no_such_table
 *
 * An OID that is no table's, any more perhaps.
 */
void
report_no_such_table(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_TABLE),
			 errmsg("There is no table with OID %u.", relid),
			 errdetail("It may just have been dropped."),
			 errhint("Name the table, as in '\"Service\"'.")));
}

/*
 * report_same_table
 *
 * A table that is to be guarded by itself.
 */
void
report_same_table(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("Cannot guard table %s by itself.", report_table_name(relid)),
			 errdetail("service_table and booking_table are the same."),
			 errhint("Name the table of the bookings second.")));
}

/*
 * report_table_in_use
 *
 * A table that a statement of this session has open: one that fires a trigger
 * that calls booking_guard_protect(), or a cursor.
 */
void
report_table_in_use(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_IN_USE),
			 errmsg("Cannot guard table %s while this session is using it.",
					report_table_name(relid)),
			 errdetail("A statement that has begun does not fire triggers that are made meanwhile."),
			 errhint("Call %s() outside of triggers on that table, and without open cursors on it.",
					 PROTECT_FUNCTION)));
}

/*
 * report_wrong_kind
 *
 * A relation that no guard can stand on; what says what it is ("a view"), hint
 * is a sentence.
 */
void
report_wrong_kind(Oid relid, const char *what, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("%s cannot be guarded: it is %s.",
					report_table_name(relid), what),
			 errdetail("A guard stands between two permanent tables, ordinary or partitioned, as a foreign key does."),
			 errhint("%s", hint)));
}

/*
 * report_unlogged_service
 *
 * An unlogged service table under a permanent booking table.
 */
void
report_unlogged_service(Oid service_relid, Oid booking_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("Cannot guard unlogged table %s by permanent table %s.",
					report_table_name(service_relid), report_table_name(booking_relid)),
			 errdetail("A crash empties an unlogged table, and the bookings would lose their services."),
			 errhint("Make it permanent: ALTER TABLE %s SET LOGGED;",
					 report_table_name(service_relid))));
}

/*
 * report_no_trigger_right
 *
 * The caller has no TRIGGER privilege on a table.
 */
void
report_no_trigger_right(Oid relid)
{
	char	   *role = GetUserNameFromId(GetUserId(), false);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for table %s", get_rel_name(relid)),
			 errdetail("A guard puts triggers on both tables, and role \"%s\" has no TRIGGER privilege on this one.",
					   role),
			 errhint("Its owner can grant it: GRANT TRIGGER ON %s TO %s;",
					 report_table_name(relid), quote_identifier(role))));
}

/*
 * report_wrong_way_round
 *
 * The tables were given in the wrong order.
 */
void
report_wrong_way_round(Oid service_relid, Oid booking_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FOREIGN_KEY),
			 errmsg("Table %s has no foreign key to table %s; it is the other way round.",
					report_table_name(booking_relid), report_table_name(service_relid)),
			 errdetail("The service table comes first, then the booking table, whose key points at it."),
			 errhint("Exchange the two: SELECT booking_guard_protect(%s, %s);",
					 table_literal(booking_relid),
					 table_literal(service_relid))));
}

/*
 * report_no_foreign_key
 *
 * No booking_key was given, and there is no foreign key to learn it from.
 */
void
report_no_foreign_key(Oid service_relid, Oid booking_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FOREIGN_KEY),
			 errmsg("Table %s has no foreign key to table %s to learn the key from.",
					report_table_name(booking_relid), report_table_name(service_relid)),
			 errdetail("A guard needs no foreign key, but then it must be told which columns of the bookings point at the services."),
			 errhint("Name them with booking_key => ARRAY['...'].")));
}

/* Several keys, as SQL arrays. */
static char *
key_choices(List *keys, const char *between)
{
	StringInfoData buf;
	ListCell   *lc;

	initStringInfo(&buf);
	foreach(lc, keys)
	{
		if (buf.len > 0)
			appendStringInfoString(&buf, between);
		rule_append_array(&buf, (List *) lfirst(lc));
	}
	return buf.data;
}

/*
 * report_several_foreign_keys
 *
 * No booking_key was given, and there are several: keys is a list of lists of
 * column names.
 */
void
report_several_foreign_keys(Oid service_relid, Oid booking_relid, List *keys)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("Table %s has several foreign keys to table %s.",
					report_table_name(booking_relid),
					report_table_name(service_relid)),
			 errdetail("Their columns are %s.", key_choices(keys, " and ")),
			 errhint("Say which one: booking_key => %s. Each may have a guard of its own.",
					 key_choices(keys, " or "))));
}

/*
 * report_no_primary_key
 *
 * No service_key was given, and there is nothing to learn it from.
 */
void
report_no_primary_key(Oid service_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_FOREIGN_KEY),
			 errmsg("Table %s has no primary key for the bookings to point at.",
					report_table_name(service_relid)),
			 errdetail("There is no foreign key on the booking columns either."),
			 errhint("Name the columns with service_key => ARRAY['...']; they need a unique index.")));
}

/*
 * report_tenants_differ
 *
 * A guard with another tenant column than the others of its service table.
 */
void
report_tenants_differ(Guard *guard, Oid service_relid,
					  const char *other_guard, const char *other_tenant)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("All guards of table %s must have the same tenant_column.",
					report_table_name(service_relid)),
			 errdetail("Guard \"%s\" has %s, asked for is %s.", other_guard,
					   other_tenant ? quote_literal_cstr(other_tenant) : "none",
					   guard->rule->tenant_column ?
					   quote_literal_cstr(guard->rule->tenant_column) : "none"),
			 errhint("Say tenant_column => %s.",
					 other_tenant ? quote_literal_cstr(other_tenant) : "NULL")));
}

/* What makes a service retired, as arguments of booking_guard_protect(). */
static char *
retirement_arguments(const char *column, const char *value)
{
	char	   *text = psprintf("retire_column => %s",
								quote_literal_cstr(column));

	if (value != NULL)
		text = psprintf("%s, retire_value => %s", text,
						quote_literal_cstr(value));
	return text;
}

/*
 * report_retirements_differ
 *
 * A guard to which a service is retired by something else than to another
 * guard of its table.
 */
void
report_retirements_differ(Guard *guard, Oid service_relid,
						  const char *other_guard, const char *other_column,
						  const char *other_value)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("All guards of table %s that have a retire_column must have the same, and the same retire_value.",
					report_table_name(service_relid)),
			 errdetail("Guard \"%s\" has %s; asked for is %s.", other_guard,
					   retirement_arguments(other_column, other_value),
					   retirement_arguments(guard->rule->retire_column,
											guard->rule->retire_value)),
			 errhint("Say %s, or leave both out.",
					 retirement_arguments(other_column, other_value))));
}

/*
 * report_guard_differs
 *
 * The guard is there with other options; both are calls that make it.
 */
void
report_guard_differs(const char *name, const char *is, const char *asked)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("Guard \"%s\" already exists, with other options.", name),
			 errdetail("It is: %s\nAsked for: %s", is, asked),
			 errhint("To replace it, add or_replace => true.")));
}

/*
 * report_broken_guard
 *
 * A guard between the same tables is broken.
 */
void
report_broken_guard(const char *name, Oid sibling, Oid service_relid,
					Oid booking_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s is broken.", name,
					report_table_name(service_relid)),
			 errdetail("One of its two triggers is missing, or their arguments cannot be read."),
			 errhint("To replace it, add or_replace => true. To remove it: %s",
					 unprotect_call(sibling, service_relid, booking_relid,
									NIL))));
}

/*
 * Append what makes a booking active, as a person would write it: first, then
 * the first condition, then AND and the second, each on a column with prefix.
 * Nothing if every booking is active.
 */
static void
append_active(StringInfo buf, Guard *guard, const char *first,
			  const char *prefix)
{
	const GuardRule *rule = guard->rule;
	const char *sep = first;

	if (rule->status_column != NULL)
	{
		List	   *labels = rule_statuses(rule);
		ListCell   *lc;

		appendStringInfo(buf, "%s%s%s %s (", sep, prefix,
						 quote_identifier(rule->status_column),
						 guard->statuses_block ? "IN" : "NOT IN");
		foreach(lc, labels)
			appendStringInfo(buf, "%s%s",
							 lc == list_head(labels) ? "" : ", ",
							 quote_literal_cstr((char *) lfirst(lc)));
		appendStringInfoChar(buf, ')');
		sep = " AND ";
	}
	if (rule->inactive_column != NULL)
		appendStringInfo(buf, "%s%s%s IS NULL", sep, prefix,
						 quote_identifier(rule->inactive_column));
}

/*
 * report_orphans_query
 *
 * SQL that lists the claims that point at nothing, or at a retired service:
 * those in booking_relid, the guard's booking table or a partition of it.
 */
char *
report_orphans_query(Guard *guard, Oid booking_relid)
{
	return claims_query(guard, booking_relid, "NOT EXISTS",
						guard->service_relid);
}

/*
 * SQL that lists the claims for whose service EXISTS or NOT EXISTS holds in
 * service_relid: the guard's service table or a partition of it.
 */
static char *
claims_query(Guard *guard, Oid booking_relid, const char *exists,
			 Oid service_relid)
{
	const GuardRule *rule = guard->rule;
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT * FROM %s x WHERE ",
					 report_table_name(booking_relid));
	for (int i = 0; i < guard->nkeys; i++)
		appendStringInfo(&buf, "x.%s IS NOT NULL AND ",
						 quote_identifier(guard->key[i].booking_name));
	appendStringInfo(&buf, "%s (SELECT FROM ", exists);
	appendStringInfo(&buf, "%s s WHERE ", report_table_name(service_relid));
	for (int i = 0; i < guard->nkeys; i++)
		appendStringInfo(&buf, "%ss.%s = x.%s", i == 0 ? "" : " AND ",
						 quote_identifier(guard->key[i].service_name),
						 quote_identifier(guard->key[i].booking_name));
	if (rule->retire_column != NULL)
	{
		appendStringInfo(&buf, " AND s.%s IS ",
						 quote_identifier(rule->retire_column));
		if (rule->retire_value != NULL)
			appendStringInfo(&buf, "DISTINCT FROM %s",
							 quote_literal_cstr(rule->retire_value));
		else
			appendStringInfoString(&buf, "NULL");
	}
	appendStringInfoChar(&buf, ')');
	append_active(&buf, guard, " AND ", "x.");
	if (rule->time_column != NULL)
	{
		const char *column = psprintf("x.%s",
									  quote_identifier(rule->time_column));
		const char *zone = quote_literal_cstr(rule->time_zone);

		switch (guard->time_kind)
		{
			case TIME_NONE:
				break;
			case TIME_TIMESTAMPTZ:
				appendStringInfo(&buf, " AND (%s >= now()", column);
				break;
			case TIME_TIMESTAMP:
				appendStringInfo(&buf, " AND (%s AT TIME ZONE %s >= now()",
								 column, zone);
				break;
			case TIME_DATE:
				appendStringInfo(&buf, " AND (%s >= (now() AT TIME ZONE %s)::date",
								 column, zone);
				break;
			case TIME_TSTZRANGE:
				appendStringInfo(&buf, " AND (%s && tstzrange(now(), NULL)",
								 column);
				break;
			case TIME_TSRANGE:
				appendStringInfo(&buf, " AND (%s && tsrange(now() AT TIME ZONE %s, NULL)",
								 column, zone);
				break;
			case TIME_DATERANGE:
				appendStringInfo(&buf, " AND (%s && daterange((now() AT TIME ZONE %s)::date, NULL)",
								 column, zone);
				break;
		}
		appendStringInfo(&buf, " OR %s IS NULL)", column);
	}
	appendStringInfoChar(&buf, ';');
	return buf.data;
}

/*
 * report_name_taken
 *
 * Another trigger of the service table has the name of one that we need.
 */
void
report_name_taken(Oid relid, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_DUPLICATE_OBJECT),
			 errmsg("Trigger \"%s\" on table %s is not booking_guard's.",
					name, report_table_name(relid)),
			 errdetail("The guards of a table share a trigger of this name."),
			 errhint("Give yours another name: ALTER TRIGGER %s ON %s RENAME TO ...;",
					 quote_identifier(name), report_table_name(relid))));
}

/*
 * report_orphans
 *
 * Existing bookings break the promise already.
 */
void
report_orphans(Guard *guard, ClaimTally *tally)
{
	ereport(ERROR,
			(errcode(ERRCODE_FOREIGN_KEY_VIOLATION),
			 errmsg("Cannot guard table %s by table %s: %s already %s at no %s%s.",
					report_table_name(guard->service_relid),
					report_table_name(guard->booking_relid),
					upcoming_bookings(guard, tally->total),
					tally->total == 1 ? "points" : "point",
					guard->rule->label,
					guard->rule->retire_column != NULL ?
					", or at a retired one" : ""),
			 tally->total == 1 ?
			 errdetail("It breaks the promise that the guard is to keep. To list it: %s",
					   report_orphans_query(guard, guard->booking_relid)) :
			 errdetail("They break the promise that the guard is to keep. To list them: %s",
					   report_orphans_query(guard, guard->booking_relid)),
			 errhint("Cancel or move %s first; or say validate => false to guard only what comes.",
					 tally->total == 1 ? "it" : "them")));
}

/*
 * report_several_guards
 *
 * unprotect was not told which of several guards is meant; keys as for
 * report_several_foreign_keys().
 */
void
report_several_guards(Oid service_relid, Oid booking_relid, List *keys)
{
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_COLUMN),
			 errmsg("Table %s has several guards by table %s.",
					report_table_name(service_relid),
					report_table_name(booking_relid)),
			 errdetail("Their booking_key is %s.", key_choices(keys, " or ")),
			 errhint("Say which one: booking_key => %s.",
					 key_choices(keys, " or "))));
}

/*
 * report_enum_labels
 *
 * Say which labels of an enum block and which do not.
 */
void
report_enum_labels(Guard *guard)
{
	List	   *blocking = NIL;
	List	   *free = NIL;
	List	   *listed = rule_statuses(guard->rule);
	ListCell   *lc;

	foreach(lc, catalog_enum_labels(guard->status_base_type))
	{
		bool		found = false;
		ListCell   *l;

		foreach(l, listed)
			found |= strcmp((char *) lfirst(l), (char *) lfirst(lc)) == 0;
		if (found == guard->statuses_block)
			blocking = lappend(blocking, lfirst(lc));
		else
			free = lappend(free, lfirst(lc));
	}

	ereport(NOTICE,
			(errmsg("Of the labels of %s, %s.",
					format_type_be(guard->status_type),
					psprintf("%s block%s%s%s",
							 blocking ? enumerate(blocking) : "none",
							 list_length(blocking) == 1 ? "s" : "",
							 free ? "; not so " : "",
							 free ? enumerate(free) : ""))));
}

/*
 * report_no_blocking_status
 *
 * Warn that no booking has a status that blocks.
 */
void
report_no_blocking_status(Guard *guard)
{
	ereport(WARNING,
			(errmsg("No row of table %s has a status that blocks.",
					report_table_name(guard->booking_relid)),
			 errdetail("In column \"%s\" %s would block.",
					   guard->rule->status_column,
					   psprintf("%s%s",
								guard->statuses_block ? "" : "all but ",
								enumerate(rule_statuses(guard->rule)))),
			 errhint("If the statuses are written otherwise, name them with blocking_statuses or free_statuses.")));
}

/*
 * report_index_fix
 *
 * The statement that makes the index that a guard's count wants.  A range
 * cannot be searched by its end in a b-tree, so it is left out.
 */
char *
report_index_fix(Guard *guard)
{
	const GuardRule *rule = guard->rule;
	StringInfoData buf;
	bool		partitioned =
		get_rel_relkind(guard->booking_relid) == RELKIND_PARTITIONED_TABLE;

	initStringInfo(&buf);
	appendStringInfo(&buf, "CREATE INDEX %sON %s (",
					 partitioned ? "" : "CONCURRENTLY ",
					 report_table_name(guard->booking_relid));
	for (int i = 0; i < guard->nkeys; i++)
	{
		appendStringInfo(&buf, "%s%s", i == 0 ? "" : ", ",
						 quote_identifier(guard->key[i].booking_name));
		if (OidIsValid(guard->key[i].collation))
			appendStringInfo(&buf, " COLLATE %s",
							 query_collation_name(guard->key[i].collation));
	}
	if (rule->time_column != NULL && guard->range_type == NULL)
		appendStringInfo(&buf, ", %s", quote_identifier(rule->time_column));
	appendStringInfoChar(&buf, ')');

	/*
	 * With its labels in the predicate the index would keep an enum from
	 * being swapped for another one.
	 */
	if (!guard->status_is_enum)
		append_active(&buf, guard, " WHERE ", "");
	appendStringInfoChar(&buf, ';');
	return buf.data;
}

/*
 * report_no_index
 *
 * Warn that the count will read the whole booking table.
 */
void
report_no_index(Guard *guard)
{
	ereport(WARNING,
			(errmsg("No index of table %s serves the guard's count.",
					report_table_name(guard->booking_relid)),
			 errdetail("Every delete from table %s will read all of table %s.",
					   report_table_name(guard->service_relid),
					   report_table_name(guard->booking_relid)),
			 errhint("%s", report_index_fix(guard))));
}


/* ----------------------------------------------------------------
 *		Changes of a guarded table's definition
 * ----------------------------------------------------------------
 */

/*
 * The rule of the guard of a trigger, as far as it can be read; false if that
 * is not all of it.
 */
static bool
rule_of_trigger(const GuardTrigger *trigger, GuardSide side, GuardRule *rule)
{
	bool		whole = true;

	for (int s = SERVICE_SIDE; s <= BOOKING_SIDE; s++)
	{
		const GuardTrigger *half = s == (int) side ? trigger :
			catalog_partner(trigger, s);

		if (half == NULL ||
			rule_read_arguments(rule, s, half->nargs, half->args) != NULL)
			whole = false;
	}
	return whole;
}

/*
 * The call that makes the guard of a trigger; NULL if the guard is not whole.
 */
static char *
definition_by_trigger(const GuardTrigger *trigger, GuardSide side)
{
	GuardRule	rule = {0};

	trigger = catalog_root_trigger(trigger);
	if (!rule_of_trigger(trigger, side, &rule))
		return NULL;
	return rule_definition(&rule, trigger->function,
						   side == SERVICE_SIDE ?
						   trigger->relid : trigger->from_relid,
						   side == SERVICE_SIDE ?
						   trigger->from_relid : trigger->relid);
}

/*
 * The call that removes it.
 */
static char *
unprotect_call_by_trigger(const GuardTrigger *trigger, GuardSide side)
{
	GuardRule	rule = {0};

	trigger = catalog_root_trigger(trigger);
	(void) rule_of_trigger(trigger, side, &rule);
	return unprotect_call(trigger->function,
						  side == SERVICE_SIDE ?
						  trigger->relid : trigger->from_relid,
						  side == SERVICE_SIDE ?
						  trigger->from_relid : trigger->relid,
						  rule.booking_key);
}

/*
 * Refuse a change of a table, or warn: the guard's mode and the settings say
 * which.
 */
static void
alter_refused(Guard *guard, Oid relid, int sqlstate, const char *action,
			  const char *message, const char *detail, const char *hint,
			  ClaimTally *tally)
{
	int			level = enforce_level(guard->rule->mode);

	log_event(guard, action, false, NULL, tally, NULL);
	if (level == 0)
		return;
	ereport(level,
			(errcode(sqlstate),
			 errmsg("%s", message),
			 errdetail("%s", detail),
			 errhint("%s", hint),
			 err_generic_string(PG_DIAG_SCHEMA_NAME,
								get_namespace_name(get_rel_namespace(relid))),
			 err_generic_string(PG_DIAG_TABLE_NAME, get_rel_name(relid)),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, guard->name)));
}

/*
 * report_alter_breaks
 *
 * Refuse a change of a table after which a guard cannot be enforced: edata
 * says why.  Returns if the guard only warns or is overridden.
 */
void
report_alter_breaks(const GuardTrigger *trigger, GuardSide side,
					const ErrorData *edata)
{
	GuardEvent	event = {0};
	char	   *removal = unprotect_call_by_trigger(trigger, side);
	char	   *definition = definition_by_trigger(trigger, side);
	int			level;

	guard_describe(trigger, side, &event);
	level = enforce_level(event.mode);
	event.action = "alter table";
	event.problem = edata->message;
	enforce_log(&event);
	if (level == 0)
		return;
	ereport(level,
			(errcode(edata->sqlerrcode),
			 errmsg("Cannot alter table %s: guard \"%s\" could not be enforced any more.",
					report_table_name(trigger->relid), trigger->name),
			 errdetail("%s", edata->message),
			 definition != NULL ?
			 errhint("Give the guard options first that it can keep, with or_replace => true; or do this in one transaction: %s ALTER TABLE ...; %s",
					 removal, definition) :
			 errhint("The guard is not whole. Mend it first: SELECT fix FROM booking_guard_health(); or remove it: %s",
					 removal),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, trigger->name)));
}

/* "3 upcoming bookings would point at no service" */
static char *
would_dangle(Guard *guard, ClaimTally *tally)
{
	return psprintf("%s would point at no %s%s",
					upcoming_bookings(guard, tally->total),
					guard->rule->label,
					guard->rule->retire_column != NULL ?
					", or at a retired one" : "");
}

/* Where a guard looked for the services of such bookings. */
static char *
looked_in(Guard *guard)
{
	return psprintf("Guard \"%s\" looked for their %s in table %s.",
					guard->name, plural(guard->rule->label),
					report_table_name(guard->service_relid));
}

/*
 * What to do about bookings that would point at no service, and how to tell
 * those that do so already.
 */
static char *
dangling_hint(Guard *guard, ClaimTally *tally)
{
	return psprintf("Cancel or move %s first. To list those that point at none already: %s",
					tally->total == 1 ? "it" : "them",
					report_orphans_query(guard, guard->booking_relid));
}

/*
 * report_alter_orphans
 *
 * Refuse to change the values of a column, when bookings would point at no
 * service.  Returns if the guard only warns or is overridden.
 */
void
report_alter_orphans(Guard *guard, Oid relid, const char *column,
					 ClaimTally *tally)
{
	alter_refused(guard, relid, ERRCODE_FOREIGN_KEY_VIOLATION, "alter table",
				  psprintf("Cannot change column \"%s\" of table %s: %s.",
						   column, report_table_name(relid),
						   would_dangle(guard, tally)),
				  looked_in(guard), dangling_hint(guard, tally), tally);
}

/*
 * report_attach_orphans
 *
 * Refuse a partition with bookings that point at no service.  Returns if the
 * guard only warns or is overridden.
 */
void
report_attach_orphans(Guard *guard, Oid partition, ClaimTally *tally)
{
	alter_refused(guard, partition, ERRCODE_FOREIGN_KEY_VIOLATION,
				  "attach partition",
				  psprintf("Cannot attach partition %s: %s.",
						   report_table_name(partition),
						   would_dangle(guard, tally)),
				  looked_in(guard),
				  psprintf("Cancel or move %s first. To list %s: %s",
						   tally->total == 1 ? "it" : "them",
						   tally->total == 1 ? "it" : "them",
						   report_orphans_query(guard, partition)), tally);
}

/*
 * report_column_needed
 *
 * Refuse to drop a column that a guard names.  Returns if the guard only warns
 * or is overridden.
 */
void
report_column_needed(const GuardTrigger *trigger, GuardSide side,
					 const char *column)
{
	GuardEvent	event = {0};
	int			level;

	guard_describe(trigger, side, &event);
	level = enforce_level(event.mode);
	event.action = "drop column";
	event.problem = psprintf("column \"%s\" is needed", column);
	enforce_log(&event);
	if (level == 0)
		return;
	ereport(level,
			(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
			 errmsg("Cannot drop column \"%s\" of table %s because a guard needs it.",
					column, report_table_name(trigger->relid)),
			 errdetail("Guard \"%s\" on table %s could not be enforced without it.",
					   trigger->name, report_table_name(event.service_relid)),
			 errhint("Remove the guard first: %s",
					 unprotect_call_by_trigger(trigger, side)),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, trigger->name)));
}

/*
 * report_alter_unlogged
 *
 * Refuse that a crash empties a service table, but not its bookings'.
 */
void
report_alter_unlogged(Oid service_relid, Oid booking_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TABLE_DEFINITION),
			 errmsg("Unlogged table %s cannot be guarded by permanent table %s.",
					report_table_name(service_relid),
					report_table_name(booking_relid)),
			 errdetail("A crash empties an unlogged table, and the bookings would lose their services."),
			 errhint("Make both tables unlogged, %s first; or make both permanent, %s first.",
					 report_table_name(booking_relid),
					 report_table_name(service_relid))));
}

/*
 * report_guarded_partition
 *
 * Refuse to make a partition of a table that has a guard of its own.
 */
void
report_guarded_partition(const GuardTrigger *trigger, GuardSide side)
{
	char	   *definition = definition_by_trigger(trigger, side);

	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("Table %s cannot become a partition, or part of one: guard \"%s\" stands on it.",
					report_table_name(trigger->relid), trigger->name),
			 errdetail("A guard stands on the whole of a partitioned table, and so on each partition."),
			 errhint("In one transaction: %s ALTER TABLE ... ATTACH PARTITION ...; then guard the partitioned table with booking_guard_protect().%s%s",
					 unprotect_call_by_trigger(trigger, side),
					 definition != NULL ? " The guard was: " : "",
					 definition != NULL ? definition : ""),
			 err_generic_string(PG_DIAG_CONSTRAINT_NAME, trigger->name)));
}

/*
 * report_unknown_partition
 *
 * The partition of a guarded table that a command named is not to be found by
 * that name any more.
 */
void
report_unknown_partition(Oid relid, const RangeVar *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Table \"%s\" was renamed or moved while it was attached to guarded table %s, or detached from it.",
					name->relname, report_table_name(relid)),
			 errdetail("The guard must look at the partition, and does not find it by that name any more."),
			 errhint("Run the command again with the new name; after DETACH PARTITION ... CONCURRENTLY, run DETACH PARTITION ... FINALIZE.")));
}

/*
 * report_guarded_inheritance
 *
 * Refuse to let one table inherit from another, when one of them is guarded.
 */
void
report_guarded_inheritance(Oid child, Oid parent, Oid guarded)
{
	ereport(ERROR,
			(errcode(ERRCODE_WRONG_OBJECT_TYPE),
			 errmsg("Table %s cannot inherit from table %s: there is a guard on table %s.",
					report_table_name(child), report_table_name(parent),
					report_table_name(guarded)),
			 errdetail("A guard looks at its tables only, as a foreign key does; rows of a child by inheritance would not be guarded."),
			 errhint("Use partitions instead, or remove the guard.")));
}


/* ----------------------------------------------------------------
 *		safe_delete_service, safe_retire_service and
 *		booking_guard_blocking_bookings
 * ----------------------------------------------------------------
 */

/*
 * report_not_guarded
 *
 * A table that no guard stands on.
 */
void
report_not_guarded(Oid relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Table %s has no guard.", report_table_name(relid)),
			 errdetail("Only a guarded table's rows can be deleted or retired safely."),
			 errhint("Guard it: SELECT booking_guard_protect(%s, 'the booking table');",
					 table_literal(relid))));
}

/*
 * report_no_default_service
 *
 * No service table was named, and none is the obvious one.
 */
void
report_no_default_service(Oid sibling)
{
	List	   *service_relids;
	bool		several_labelled;
	List	   *names = NIL;
	ListCell   *lc;

	(void) catalog_default_service(sibling, &service_relids,
								   &several_labelled);
	if (service_relids == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("No table is guarded."),
				 errdetail("There is no guard in this database."),
				 errhint("Make one: SELECT booking_guard_protect('the service table', 'the booking table');")));

	foreach(lc, service_relids)
		names = lappend(names, table_literal(lfirst_oid(lc)));
	ereport(ERROR,
			(errcode(ERRCODE_AMBIGUOUS_PARAMETER),
			 several_labelled ?
			 errmsg("Several tables are guarded, and several of them are labelled '%s'.",
					DEFAULT_LABEL) :
			 errmsg("Several tables are guarded, and none is labelled '%s'.",
					DEFAULT_LABEL),
			 errdetail("They are %s.", enumerate(names)),
			 errhint("Say which one with service_table => %s.",
					 (char *) linitial(names))));
}

/*
 * report_tenant_required
 *
 * tenant_id was not given, but the guard has a tenant column.
 */
void
report_tenant_required(Oid service_relid, const char *column)
{
	ereport(ERROR,
			(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
			 errmsg("tenant_id is required for table %s.",
					report_table_name(service_relid)),
			 errdetail("Its guard has the tenant column \"%s\", which must match.",
					   column),
			 errhint("Give the tenant as the second argument.")));
}

/*
 * report_tenant_unknown
 *
 * tenant_id was given, but the guard has no tenant column.
 */
void
report_tenant_unknown(Oid service_relid)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("tenant_id is given, but table %s has no tenant column.",
					report_table_name(service_relid)),
			 errdetail("It would be ignored, and a row of any tenant taken."),
			 errhint("Leave tenant_id out, or name the column: booking_guard_protect(..., tenant_column => '...', or_replace => true).")));
}

/*
 * report_id_length
 *
 * An id of another number of values than it has columns (names).
 */
void
report_id_length(Oid service_relid, List *columns, int given)
{
	int			wanted = list_length(columns);

	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("service_id has %d %s, but the key of table %s has %d.",
					given, given == 1 ? "value" : "values",
					report_table_name(service_relid), wanted),
			 errdetail("A service is identified by (%s).",
					   comma_list(columns)),
			 errhint(wanted == 1 ? "Give a single value." :
					 "Give an array with a value for each, in this order: ARRAY['...', '...'].")));
}

/*
 * report_not_retiring
 *
 * A table none of whose guards has a retire_column; guard is one of them.
 */
void
report_not_retiring(Guard *guard)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("No guard of table %s has a retire_column.",
					report_table_name(guard->service_relid)),
			 errdetail("So none says what retires a row of it."),
			 errhint("Make the guard anew, with its options (see booking_guards) and with retire_column => '...', or_replace => true.")));
}

/*
 * report_retire_by_hand
 *
 * A retire_column of which safe_retire_service() does not know what to write.
 */
void
report_retire_by_hand(Guard *guard)
{
	const char *column = guard->rule->retire_column;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Guard \"%s\" on table %s does not say what to write into column \"%s\".",
					guard->name, report_table_name(guard->service_relid),
					column),
			 errdetail("The column is of type %s, and there is no retire_value. Without one the time is written, into columns of type date, timestamp and timestamp with time zone.",
					   format_type_be(guard->retire_type)),
			 errhint("Retire the %s yourself: UPDATE %s SET %s = ... WHERE ...; which the guard refuses while there are upcoming %s.",
					 guard->rule->label,
					 report_table_name(guard->service_relid),
					 quote_identifier(column),
					 plural(guard->rule->booking_label))));
}

/*
 * report_retire_generated
 *
 * A retire_column that nothing can be written into.
 */
void
report_retire_generated(Guard *guard)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("Column \"%s\" of table %s is generated and cannot be written.",
					guard->rule->retire_column,
					report_table_name(guard->service_relid)),
			 errdetail("What it is generated from says whether the %s is retired.",
					   guard->rule->label),
			 errhint("Update that yourself; the guard refuses to retire it while there are upcoming %s.",
					 plural(guard->rule->booking_label))));
}

/*
 * report_deleted
 *
 * The sentence of the verdict deleted.
 */
char *
report_deleted(Guard *guard)
{
	return psprintf("The %s was deleted.", guard->rule->label);
}

/*
 * report_retired
 *
 * The sentence of the verdict retired.
 */
char *
report_retired(Guard *guard)
{
	return psprintf("The %s was retired.", guard->rule->label);
}

/*
 * report_not_found
 *
 * The sentence of the verdict not_found.
 */
char *
report_not_found(Guard *guard)
{
	return psprintf("There is no such %s.", guard->rule->label);
}

/*
 * A statement on a service that did nothing, although the row is still there.
 */
static void suppressed(Guard *guard, const char *command,
					   const char *participle)
	pg_attribute_noreturn();

static void
suppressed(Guard *guard, const char *command, const char *participle)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
			 errmsg("The %s was not %s: something suppressed it.",
					guard->rule->label, participle),
			 errdetail("No booking is in the way and the row is there, but %s on table %s passed over it.",
					   command, report_table_name(guard->service_relid)),
			 errhint("Look for a BEFORE %s trigger that returns NULL, or a row-level security policy or rule for %s.",
					 command, command)));
}

/*
 * report_delete_suppressed
 *
 * A DELETE that deleted nothing, although the row is still there.
 */
void
report_delete_suppressed(Guard *guard)
{
	suppressed(guard, "DELETE", "deleted");
}

/*
 * report_retire_suppressed
 *
 * An UPDATE that retired nothing, although the row is there and not retired.
 */
void
report_retire_suppressed(Guard *guard)
{
	suppressed(guard, "UPDATE", "retired");
}

/*
 * report_retire_undone
 *
 * An UPDATE after which the service is not retired, or not to be found.
 */
void
report_retire_undone(Guard *guard)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
			 errmsg("The %s was not retired: something undid it.",
					guard->rule->label),
			 errdetail("Column \"%s\" of table %s was updated, but does not say so now.",
					   guard->rule->retire_column,
					   report_table_name(guard->service_relid)),
			 errhint("Look for an UPDATE trigger that sets the column.")));
}
