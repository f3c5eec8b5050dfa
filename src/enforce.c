/*-------------------------------------------------------------------------
 *
 * enforce.c
 *	  What becomes of a refusal: the settings, and the log.
 *
 * A guard refuses with an error, or in mode 'warn' with a warning.  The
 * setting booking_guard.enforcement overrides that for a session whose user
 * may set it; whatever would have been refused without it is logged.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "guard.h"
#include "report.h"

typedef enum Enforcement
{
	ENFORCEMENT_OFF,
	ENFORCEMENT_WARN,
	ENFORCEMENT_ON
} Enforcement;

static const struct config_enum_entry enforcement_options[] = {
	{"on", ENFORCEMENT_ON, false},
	{"warn", ENFORCEMENT_WARN, false},
	{"off", ENFORCEMENT_OFF, false},
	{NULL, 0, false}
};

/* booking_guard.enforcement and booking_guard.log_blocked */
static int	enforcement = ENFORCEMENT_ON;
static bool log_blocked = false;

/*
 * enforce_define_settings
 *
 * Define the extension's settings, when the library is loaded.  Both are for
 * superusers and those who were granted them: one overrides a guard, the other
 * fills the log.
 */
void
enforce_define_settings(void)
{
	DefineCustomEnumVariable("booking_guard.enforcement",
							 "Whether guards refuse what breaks their promise.",
							 "\"warn\" lets everything pass with a warning, \"off\" without one; what was let pass is logged.",
							 &enforcement, ENFORCEMENT_ON,
							 enforcement_options, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	DefineCustomBoolVariable("booking_guard.log_blocked",
							 "Logs what guards refuse, warn of, or block in a verdict.",
							 NULL,
							 &log_blocked, false, PGC_SUSET, 0,
							 NULL, NULL, NULL);
	MarkGUCPrefixReserved("booking_guard");
}

/*
 * enforce_is_on
 *
 * Whether the guards' own modes are in force, not overridden.
 */
bool
enforce_is_on(void)
{
	return enforcement == ENFORCEMENT_ON;
}

/*
 * enforce_is_logging
 *
 * Whether refusals are logged that nobody overrides.
 */
bool
enforce_is_logging(void)
{
	return log_blocked;
}

/*
 * enforce_level
 *
 * With what a guard in this mode refuses now: ERROR, WARNING, or 0 for not at
 * all.
 */
int
enforce_level(const char *mode)
{
	if (enforcement == ENFORCEMENT_OFF)
		return 0;
	if (enforcement == ENFORCEMENT_WARN || strcmp(mode, MODE_WARN) == 0)
		return WARNING;
	return ERROR;
}

/*
 * Append name="value", on one line whatever the value is.
 */
static void
append_field(StringInfo buf, const char *name, const char *value)
{
	appendStringInfo(buf, " %s=\"", name);
	for (const char *p = value; *p; p++)
	{
		switch (*p)
		{
			case '\n':
				appendStringInfoString(buf, "\\n");
				break;
			case '\r':
				appendStringInfoString(buf, "\\r");
				break;
			case '\t':
				appendStringInfoString(buf, "\\t");
				break;
			case '"':
			case '\\':
				appendStringInfoChar(buf, '\\');
				/* FALLTHROUGH */
			default:
				appendStringInfoChar(buf, *p);
		}
	}
	appendStringInfoChar(buf, '"');
}

/*
 * enforce_log
 *
 * Log that a guard refuses something, or would: always if that is overridden,
 * else with booking_guard.log_blocked.  An override is sent to the client as
 * well, if client_min_messages asks for it and the caller may read what it
 * tells; the rest is for the server's log only.
 */
void
enforce_log(const GuardEvent *event)
{
	StringInfoData buf;
	const char *outcome;
	bool		overridden = enforcement != ENFORCEMENT_ON &&
		strcmp(event->mode, MODE_WARN) != 0;

	if (!overridden && !log_blocked)
		return;

	if (overridden)
		outcome = "overridden";
	else if (event->is_verdict)
		outcome = "blocked";
	else
		outcome = enforce_level(event->mode) == ERROR ? "refused" : "warned";

	initStringInfo(&buf);
	appendStringInfo(&buf, "outcome=%s", outcome);
	append_field(&buf, "action", event->action);
	append_field(&buf, "guard", event->guard);
	/* a trigger without FROM knows one of them only */
	if (OidIsValid(event->service_relid))
		append_field(&buf, "service_table",
					 rule_table_name(event->service_relid));
	if (OidIsValid(event->booking_relid))
		append_field(&buf, "booking_table",
					 rule_table_name(event->booking_relid));
	if (event->key != NULL)
		append_field(&buf, "key", event->key);
	if (event->count > 0)
		appendStringInfo(&buf, " bookings=" INT64_FORMAT, event->count);
	if (event->next != NULL)
		append_field(&buf, "next", event->next);
	if (event->problem != NULL)
		append_field(&buf, "problem", event->problem);
	append_field(&buf, "user", GetUserNameFromId(GetSessionUserId(), false));
	if (GetOuterUserId() != GetSessionUserId())
		append_field(&buf, "role", GetUserNameFromId(GetOuterUserId(), false));

	ereport(overridden && !event->confidential ? LOG : LOG_SERVER_ONLY,
			(errmsg_internal("booking_guard: %s", buf.data),
			 errhidecontext(true), errhidestmt(true)));
}
