/*-------------------------------------------------------------------------
 *
 * rule.c
 *	  A guard's rule as text: in trigger arguments, and as the call of
 *	  booking_guard_protect() that makes it.
 *
 * One table says which options there are, on which trigger each is kept and
 * what its default is; reading, writing and showing all go by it.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "guard.h"

typedef enum RuleOptionKind
{
	OPTION_LIST,
	OPTION_TEXT,
	OPTION_BOOL
} RuleOptionKind;

/* What in the schema an option names, and is renamed with. */
typedef enum RuleOptionNames
{
	NAMES_NOTHING,
	NAMES_COLUMN,				/* columns of its trigger's table */
	NAMES_LABEL					/* values, which may be an enum's labels */
} RuleOptionNames;

/* What it means that a trigger's arguments do not have an option. */
typedef enum RuleOptionAbsence
{
	ABSENT_IS_WRONG,
	ABSENT_IS_NULL,				/* not given */
	ABSENT_IS_DEFAULT			/* so it is not written down either */
} RuleOptionAbsence;

typedef struct RuleOption
{
	const char *name;			/* in SQL, in arguments and in GuardRule */
	GuardSide	side;			/* the trigger that keeps it */
	RuleOptionKind kind;
	RuleOptionNames names;
	RuleOptionAbsence absence;
	size_t		offset;			/* in GuardRule */
	const char *default_value;	/* of booking_guard_protect() */
} RuleOption;

#define OPTION(name, side, kind, names, absence, default_value) \
	{#name, side, kind, names, absence, offsetof(GuardRule, name), default_value}

static const RuleOption rule_options[] = {
	OPTION(booking_key, BOOKING_SIDE, OPTION_LIST, NAMES_COLUMN, ABSENT_IS_WRONG, NULL),
	OPTION(service_key, SERVICE_SIDE, OPTION_LIST, NAMES_COLUMN, ABSENT_IS_WRONG, NULL),
	OPTION(tenant_column, SERVICE_SIDE, OPTION_TEXT, NAMES_COLUMN, ABSENT_IS_NULL, NULL),
	OPTION(status_column, BOOKING_SIDE, OPTION_TEXT, NAMES_COLUMN, ABSENT_IS_NULL, "status"),
	OPTION(blocking_statuses, BOOKING_SIDE, OPTION_LIST, NAMES_LABEL, ABSENT_IS_NULL, NULL),
	OPTION(free_statuses, BOOKING_SIDE, OPTION_LIST, NAMES_LABEL, ABSENT_IS_NULL, NULL),
	OPTION(inactive_column, BOOKING_SIDE, OPTION_TEXT, NAMES_COLUMN, ABSENT_IS_NULL, NULL),
	OPTION(time_column, BOOKING_SIDE, OPTION_TEXT, NAMES_COLUMN, ABSENT_IS_NULL, "date"),
	OPTION(time_zone, BOOKING_SIDE, OPTION_TEXT, NAMES_NOTHING, ABSENT_IS_WRONG, "UTC"),
	OPTION(label, SERVICE_SIDE, OPTION_TEXT, NAMES_NOTHING, ABSENT_IS_WRONG, "service"),
	OPTION(booking_label, BOOKING_SIDE, OPTION_TEXT, NAMES_NOTHING, ABSENT_IS_WRONG, "booking"),
	OPTION(keep_attached, BOOKING_SIDE, OPTION_BOOL, NAMES_NOTHING, ABSENT_IS_WRONG, "true"),
	OPTION(retire_column, SERVICE_SIDE, OPTION_TEXT, NAMES_COLUMN, ABSENT_IS_NULL, NULL),
	OPTION(retire_value, SERVICE_SIDE, OPTION_TEXT, NAMES_LABEL, ABSENT_IS_NULL, NULL),
	OPTION(mode, BOOKING_SIDE, OPTION_TEXT, NAMES_NOTHING, ABSENT_IS_DEFAULT, MODE_ENFORCE),
};

#define LIST_MEMBER(rule, option) \
	((List **) ((char *) (rule) + (option)->offset))
#define TEXT_MEMBER(rule, option) \
	((char **) ((char *) (rule) + (option)->offset))
#define BOOL_MEMBER(rule, option) \
	((bool *) ((char *) (rule) + (option)->offset))


/*
 * Append a list as SplitGUCList() reads it: names that are plain as they
 * are, all others in double quotes.
 */
static void
append_list(StringInfo buf, List *strings)
{
	ListCell   *lc;

	foreach(lc, strings)
	{
		const char *string = (const char *) lfirst(lc);
		bool		plain = (*string != '\0');

		for (const char *p = string; *p; p++)
		{
			if (!isalnum((unsigned char) *p) && *p != '_')
				plain = false;
		}

		if (lc != list_head(strings))
			appendStringInfoChar(buf, ',');
		if (plain)
		{
			appendStringInfoString(buf, string);
			continue;
		}
		appendStringInfoChar(buf, '"');
		for (const char *p = string; *p; p++)
		{
			if (*p == '"')
				appendStringInfoChar(buf, '"');
			appendStringInfoChar(buf, *p);
		}
		appendStringInfoChar(buf, '"');
	}
}

/*
 * rule_list_has
 *
 * Whether a string is in a list of strings.
 */
bool
rule_list_has(List *list, const char *string)
{
	ListCell   *lc;

	foreach(lc, list)
	{
		if (strcmp((char *) lfirst(lc), string) == 0)
			return true;
	}
	return false;
}

/*
 * rule_same_columns
 *
 * Whether two lists name the same columns, in whatever order.
 */
bool
rule_same_columns(List *a, List *b)
{
	ListCell   *lc;

	foreach(lc, a)
	{
		if (!rule_list_has(b, (char *) lfirst(lc)))
			return false;
	}
	return list_length(a) == list_length(b);
}

/*
 * rule_list_without
 *
 * The strings that are in one list and not in the other, in a new list.
 */
List *
rule_list_without(List *strings, List *others)
{
	List	   *result = NIL;
	ListCell   *lc;

	foreach(lc, strings)
	{
		if (!rule_list_has(others, (char *) lfirst(lc)))
			result = lappend(result, lfirst(lc));
	}
	return result;
}

/*
 * rule_is_mode
 *
 * Whether a guard can be in a mode of this name.
 */
bool
rule_is_mode(const char *mode)
{
	return strcmp(mode, MODE_ENFORCE) == 0 || strcmp(mode, MODE_WARN) == 0;
}

/*
 * rule_mode
 *
 * The mode in the arguments of a booking trigger, whatever else they say.
 */
const char *
rule_mode(int nargs, char **args)
{
	const char *const prefix = "mode=";

	for (int i = 0; i < nargs; i++)
	{
		if (strncmp(args[i], prefix, strlen(prefix)) == 0 &&
			rule_is_mode(args[i] + strlen(prefix)))
			return args[i] + strlen(prefix);
	}
	return MODE_ENFORCE;
}

/*
 * rule_read_arguments
 *
 * Read a guard trigger's arguments into the members of rule that this side
 * keeps; the others stay as they are.  Returns NULL, or what is wrong with
 * the arguments, as the end of a sentence.
 */
char *
rule_read_arguments(GuardRule *rule, GuardSide side, int nargs, char **args)
{
	bool		seen[lengthof(rule_options)] = {0};

	for (int i = 0; i < nargs; i++)
	{
		const char *equals = strchr(args[i], '=');
		const RuleOption *option = NULL;
		int			o;

		for (o = 0; equals != NULL && o < (int) lengthof(rule_options); o++)
		{
			if (rule_options[o].side == side &&
				strlen(rule_options[o].name) == (size_t) (equals - args[i]) &&
				strncmp(rule_options[o].name, args[i], equals - args[i]) == 0)
			{
				option = &rule_options[o];
				break;
			}
		}
		if (option == NULL)
			return psprintf("its trigger argument \"%s\" is none that it knows",
							args[i]);
		if (seen[o])
			return psprintf("its trigger argument \"%s\" is given twice",
							option->name);
		seen[o] = true;

		switch (option->kind)
		{
			case OPTION_LIST:
				if (!SplitGUCList(pstrdup(equals + 1), ',',
								  LIST_MEMBER(rule, option)) ||
					*LIST_MEMBER(rule, option) == NIL)
					return psprintf("its trigger argument \"%s\" is not a list",
									args[i]);
				break;
			case OPTION_TEXT:
				if (equals[1] == '\0')
					return psprintf("its trigger argument \"%s\" is empty",
									option->name);
				*TEXT_MEMBER(rule, option) = pstrdup(equals + 1);
				break;
			case OPTION_BOOL:
				if (!parse_bool(equals + 1, BOOL_MEMBER(rule, option)))
					return psprintf("its trigger argument \"%s\" is neither true nor false",
									args[i]);
				break;
		}
	}

	for (int o = 0; o < (int) lengthof(rule_options); o++)
	{
		if (rule_options[o].side != side || seen[o])
			continue;
		if (rule_options[o].absence == ABSENT_IS_WRONG)
			return psprintf("its trigger argument \"%s\" is missing",
							rule_options[o].name);
		if (rule_options[o].absence == ABSENT_IS_DEFAULT)
			*TEXT_MEMBER(rule, &rule_options[o]) =
				pstrdup(rule_options[o].default_value);
	}

	if (side == BOOKING_SIDE)
	{
		bool		has_lists = rule->blocking_statuses != NIL ||
			rule->free_statuses != NIL;

		if (rule->blocking_statuses != NIL && rule->free_statuses != NIL)
			return pstrdup("its trigger arguments name both blocking and free statuses");
		if (has_lists != (rule->status_column != NULL))
			return pstrdup("its trigger arguments name a status column without statuses, or statuses without a column");
		if (!rule_is_mode(rule->mode))
			return psprintf("its mode \"%s\" is neither %s nor %s",
							rule->mode, MODE_ENFORCE, MODE_WARN);
	}
	else if (rule->retire_value != NULL && rule->retire_column == NULL)
		return pstrdup("its trigger arguments name a retire_value without a retire_column");
	return NULL;
}

/*
 * rule_write_arguments
 *
 * The arguments that keep this side's part of a rule, as a list of strings.
 */
List *
rule_write_arguments(const GuardRule *rule, GuardSide side)
{
	List	   *arguments = NIL;

	for (int o = 0; o < (int) lengthof(rule_options); o++)
	{
		const RuleOption *option = &rule_options[o];
		StringInfoData buf;

		if (option->side != side)
			continue;

		initStringInfo(&buf);
		appendStringInfo(&buf, "%s=", option->name);
		switch (option->kind)
		{
			case OPTION_LIST:
				if (*LIST_MEMBER(rule, option) == NIL)
					continue;
				append_list(&buf, *LIST_MEMBER(rule, option));
				break;
			case OPTION_TEXT:
				if (*TEXT_MEMBER(rule, option) == NULL ||
					(option->absence == ABSENT_IS_DEFAULT &&
					 strcmp(*TEXT_MEMBER(rule, option),
							option->default_value) == 0))
					continue;
				appendStringInfoString(&buf, *TEXT_MEMBER(rule, option));
				break;
			case OPTION_BOOL:
				appendStringInfoString(&buf, *BOOL_MEMBER(rule, option) ?
									   "true" : "false");
				break;
		}
		arguments = lappend(arguments, buf.data);
	}
	return arguments;
}

/*
 * Whether this side's part of a rule names something; with new_name, put that
 * in its place.
 */
static bool
find_name(GuardRule *rule, GuardSide side, RuleOptionNames names,
		  const char *name, const char *new_name)
{
	bool		found = false;

	for (int o = 0; o < (int) lengthof(rule_options); o++)
	{
		const RuleOption *option = &rule_options[o];
		ListCell   *lc;

		if (option->side != side || option->names != names)
			continue;

		if (option->kind == OPTION_LIST)
		{
			foreach(lc, *LIST_MEMBER(rule, option))
			{
				if (strcmp((char *) lfirst(lc), name) != 0)
					continue;
				found = true;
				if (new_name != NULL)
					lfirst(lc) = pstrdup(new_name);
			}
		}
		else if (*TEXT_MEMBER(rule, option) != NULL &&
				 strcmp(*TEXT_MEMBER(rule, option), name) == 0)
		{
			found = true;
			if (new_name != NULL)
				*TEXT_MEMBER(rule, option) = pstrdup(new_name);
		}
	}
	return found;
}

/*
 * rule_names_column
 *
 * Whether a rule names a column of the table of this side.
 */
bool
rule_names_column(GuardRule *rule, GuardSide side, const char *name)
{
	return find_name(rule, side, NAMES_COLUMN, name, NULL);
}

/*
 * rule_rename_column
 *
 * Follow a column that was renamed; true if the rule names it.
 */
bool
rule_rename_column(GuardRule *rule, GuardSide side, const char *name,
				   const char *new_name)
{
	return find_name(rule, side, NAMES_COLUMN, name, new_name);
}

/*
 * rule_label_column
 *
 * The column of this side whose values a rule names, or NULL.
 */
const char *
rule_label_column(const GuardRule *rule, GuardSide side)
{
	return side == SERVICE_SIDE ? rule->retire_column : rule->status_column;
}

/*
 * rule_rename_label
 *
 * Follow a label of an enum that was renamed, the type of rule_label_column();
 * true if the rule names it.
 */
bool
rule_rename_label(GuardRule *rule, GuardSide side, const char *name,
				  const char *new_name)
{
	return find_name(rule, side, NAMES_LABEL, name, new_name);
}

/*
 * rule_copy
 *
 * A copy of a rule in the current memory context.
 */
GuardRule *
rule_copy(const GuardRule *rule)
{
	GuardRule  *copy = palloc(sizeof(GuardRule));

	*copy = *rule;
	for (int o = 0; o < (int) lengthof(rule_options); o++)
	{
		const RuleOption *option = &rule_options[o];

		if (option->kind == OPTION_LIST)
		{
			List	   *list = NIL;
			ListCell   *lc;

			foreach(lc, *LIST_MEMBER(rule, option))
				list = lappend(list, pstrdup((const char *) lfirst(lc)));
			*LIST_MEMBER(copy, option) = list;
		}
		else if (option->kind == OPTION_TEXT &&
				 *TEXT_MEMBER(rule, option) != NULL)
			*TEXT_MEMBER(copy, option) = pstrdup(*TEXT_MEMBER(rule, option));
	}
	return copy;
}

/*
 * rule_statuses
 *
 * The statuses that a rule lists, whichever way; see Guard.statuses_block.
 */
List *
rule_statuses(const GuardRule *rule)
{
	return rule->blocking_statuses != NIL ?
		rule->blocking_statuses : rule->free_statuses;
}

/*
 * rule_text_array
 *
 * A list of strings as a text[] datum.
 */
Datum
rule_text_array(List *strings)
{
	Datum	   *values = palloc(list_length(strings) * sizeof(Datum));
	int			n = 0;
	ListCell   *lc;

	foreach(lc, strings)
		values[n++] = CStringGetTextDatum((const char *) lfirst(lc));
	return PointerGetDatum(construct_array(values, n, TEXTOID, -1, false,
										   TYPALIGN_INT));
}

/*
 * rule_array_literal
 *
 * The same as the text of an array, as array_out() has it.
 */
char *
rule_array_literal(List *strings)
{
	return OidOutputFunctionCall(F_ARRAY_OUT, rule_text_array(strings));
}

/*
 * rule_append_array
 *
 * Append a list of strings as an SQL array expression.
 */
void
rule_append_array(StringInfo buf, List *strings)
{
	ListCell   *lc;

	appendStringInfoString(buf, "ARRAY[");
	foreach(lc, strings)
		appendStringInfo(buf, "%s%s",
						 lc == list_head(strings) ? "" : ", ",
						 quote_literal_cstr((const char *) lfirst(lc)));
	appendStringInfoChar(buf, ']');
}

/*
 * rule_definition
 *
 * The SQL call of booking_guard_protect() that makes a guard with this rule:
 * its keys, and every option that is not the default.
 */
char *
rule_definition(const GuardRule *rule, Oid sibling,
				Oid service_relid, Oid booking_relid)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT %s(%s, %s",
					 rule_function_name(sibling, PROTECT_FUNCTION),
					 quote_literal_cstr(rule_table_name(service_relid)),
					 quote_literal_cstr(rule_table_name(booking_relid)));

	for (int o = 0; o < (int) lengthof(rule_options); o++)
	{
		const RuleOption *option = &rule_options[o];

		switch (option->kind)
		{
			case OPTION_LIST:
				if (*LIST_MEMBER(rule, option) == NIL)
					continue;
				appendStringInfo(&buf, ", %s => ", option->name);
				rule_append_array(&buf, *LIST_MEMBER(rule, option));
				break;
			case OPTION_TEXT:
				{
					const char *value = *TEXT_MEMBER(rule, option);

					if (value == NULL && option->default_value == NULL)
						continue;
					if (value != NULL && option->default_value != NULL &&
						strcmp(value, option->default_value) == 0)
						continue;
					appendStringInfo(&buf, ", %s => %s", option->name,
									 value != NULL ?
									 quote_literal_cstr(value) : "NULL");
					break;
				}
			case OPTION_BOOL:
				if (*BOOL_MEMBER(rule, option))
					continue;	/* the default */
				appendStringInfo(&buf, ", %s => false", option->name);
				break;
		}
	}
	appendStringInfoString(&buf, ");");
	return buf.data;
}

/*
 * rule_table_name
 *
 * A table's name, always with its schema: an SQL identifier that regclass
 * reads back whatever the search_path.
 */
char *
rule_table_name(Oid relid)
{
	if (get_rel_name(relid) == NULL)
		elog(ERROR, "cache lookup failed for relation %u", relid);
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)),
									  get_rel_name(relid));
}

/*
 * rule_function_name
 *
 * The name of a function of the extension, always with its schema.
 */
char *
rule_function_name(Oid sibling, const char *name)
{
	return quote_qualified_identifier(get_namespace_name(get_func_namespace(sibling)),
									  name);
}
