// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which events are printed: terms with "and" between them, as in
 * severity<=err and facility=disk and attr.sector>100
 */
#define _GNU_SOURCE
#include "event.h"

#include <err.h>
#include <regex.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"
#include "text.h"

#define ATTR		"attr."

enum operator { LESS_EQUAL, MORE_EQUAL, NOT_EQUAL, LESS, MORE, EQUAL, MATCHES };

/* Longer ones first: the first that fits is it. */
static const char *const operators[] = { "<=", ">=", "!=", "<", ">", "=", "~" };

#define OPERATORS	(sizeof(operators) / sizeof(*operators))

struct term {
	struct term *next;
	char *attr;		/* the name of one; NULL if it is a field */
	enum field field;
	enum operator operator;
	char *text;		/* to compare with */
	bool is_number;
	bool is_negative;
	__u64 number;		/* without its sign */
	regex_t regex;
};

static struct term *terms;

static void __attribute__((noreturn)) is_wrong(const char *query,
					       const char *why)
{
	errx(EXIT_USAGE, "--query: '%s': %s; see bufflink-evlog(1)", query, why);
}

/* Takes a word, up to one of these bytes, which may be in it within quotes. */
static char *take_word(const char *query, const char **at, const char *ends)
{
	char *word = malloc(strlen(*at) + 1), *to = word;
	bool quoted = false;

	if (!word)
		err(EXIT_FAILURE, "--query");
	for (; **at && (quoted || !strchr(ends, **at)); (*at)++) {
		if (**at == '"') {
			quoted = !quoted;
			continue;
		}
		if (quoted && **at == '\\' && (*at)[1])
			(*at)++;
		*to++ = **at;
	}
	*to = '\0';
	if (quoted)
		is_wrong(query, "a quote has no end");
	return word;
}

static void skip_blanks(const char **at)
{
	*at += strspn(*at, " \t\n");
}

static enum operator take_operator(const char *query, const char **at)
{
	size_t i;

	for (i = 0; i < OPERATORS; i++) {
		if (!strncmp(*at, operators[i], strlen(operators[i]))) {
			*at += strlen(operators[i]);
			return i;
		}
	}
	is_wrong(query, "behind a name comes one of = != < <= > >= ~");
}

/* "==" would else be the operator "=" and a value that nothing has. */
static char *take_value(const char *query, const char **at)
{
	skip_blanks(at);
	if (!**at)
		is_wrong(query, "a value is missing; \"\" is the empty one");
	if (strchr("=<>~", **at))
		is_wrong(query,
			 "a value that begins with = < > or ~ needs quotes, and no operator is longer than !=");
	return take_word(query, at, " \t\n");
}

static void set_name(struct term *term, const char *query, char *name)
{
	int field;

	if (!strcmp(name, ATTR))
		is_wrong(query, "behind attr. comes the name of an attribute");
	if (!strncmp(name, ATTR, strlen(ATTR))) {
		term->attr = name + strlen(ATTR);
		return;
	}
	field = find_word(name, field_names);
	free(name);
	if (field < 0)
		is_wrong(query,
			 "a name is attr.NAME, or one of severity, facility, type, module, cpu, pid, uid, context, text");
	term->field = field;
}

static void set_number(struct term *term)
{
	const char *digits = term->text + (*term->text == '-');
	int severity = -1;

	if (!term->attr && term->field == SEVERITY)
		severity = find_word(term->text, levels);
	term->is_negative = digits != term->text;
	term->is_number = parse_number(digits,
				       strncmp(digits, "0x", 2) ? 10 : 16,
				       &term->number);
	if (severity >= 0) {
		term->is_number = true;
		term->number = severity;
	}
}

static bool is_up_to(const struct term *term, __u64 max)
{
	return term->is_number && !term->is_negative && term->number <= max;
}

/* A value that no event can have makes a query that takes all and prints none. */
static void check_field(const struct term *term, const char *query)
{
	switch (term->field) {
	case SEVERITY:
		if (!is_up_to(term, EVLOG_DEBUG))
			is_wrong(query,
				 "a severity is 0 to 7, or one of emerg, alert, crit, err, warn, notice, info, debug");
		break;
	case CPU:
	case PID:
	case UID:
		if (!is_up_to(term, UINT32_MAX))
			is_wrong(query,
				 "cpu, pid and uid are numbers, up to 4294967295");
		break;
	case CONTEXT:
		if (find_word(term->text, context_names) < 0)
			is_wrong(query,
				 "a context is one of process, softirq, hardirq, nmi, printk");
		break;
	default:
		break;
	}
}

static bool has_order(const struct term *term)
{
	return term->attr ? term->is_number : term->field == SEVERITY ||
	       term->field == CPU || term->field == PID || term->field == UID;
}

static void check_value(struct term *term, const char *query)
{
	if (term->operator == MATCHES) {
		if (regcomp(&term->regex, term->text, REG_EXTENDED | REG_NOSUB))
			is_wrong(query, "behind ~ comes an extended regular expression");
		return;
	}
	if (!term->attr)
		check_field(term, query);
	if (term->operator != EQUAL && term->operator != NOT_EQUAL &&
	    !has_order(term))
		is_wrong(query,
			 "< <= > >= compare numbers: severity, cpu, pid, uid or attr.NAME with a number");
}

static void take_term(const char *query, const char **at)
{
	struct term *term = calloc(1, sizeof(*term));

	if (!term)
		err(EXIT_FAILURE, "--query");
	skip_blanks(at);
	set_name(term, query, take_word(query, at, "=!<>~ \t\n"));
	skip_blanks(at);
	term->operator = take_operator(query, at);
	term->text = take_value(query, at);
	set_number(term);
	check_value(term, query);
	term->next = terms;
	terms = term;
}

void query_option(const char *text)
{
	const char *at = text;
	char *word;

	for (;;) {
		take_term(text, &at);
		skip_blanks(&at);
		if (!*at)
			return;
		word = take_word(text, &at, " \t\n");
		if (strcmp(word, "and"))
			is_wrong(text, "between two terms comes 'and'");
		free(word);
	}
}

/* The sign of the difference of a value, which is a number, and the term's. */
static int compare_numbers(const struct value *value, const struct term *term)
{
	const bool is_negative = value->kind == EVLOG_KIND_S64 &&
				 (long long)value->number < 0;
	const __u64 number = is_negative ? -value->number : value->number;
	int sign = (number > term->number) - (number < term->number);

	if (is_negative == (term->is_negative && term->number))
		return is_negative ? -sign : sign;
	return is_negative ? -1 : 1;
}

static bool fits(enum operator operator, int difference)
{
	switch (operator) {
	case LESS_EQUAL:
		return difference <= 0;
	case MORE_EQUAL:
		return difference >= 0;
	case NOT_EQUAL:
		return difference;
	case LESS:
		return difference < 0;
	case MORE:
		return difference > 0;
	default:
		return !difference;
	}
}

static bool matches(const struct term *term, const char *text, size_t size)
{
	regmatch_t range = { .rm_so = 0, .rm_eo = size };

	return !regexec(&term->regex, text, 0, &range, REG_STARTEND);
}

static bool value_passes(const struct value *value, const struct term *term)
{
	const bool is_number = value->kind == EVLOG_KIND_S64 ||
			       value->kind == EVLOG_KIND_U64;
	size_t size;
	const char *text = value_text(value, &size);

	if (term->operator == MATCHES)
		return matches(term, text, size);
	if (is_number && term->is_number)
		return fits(term->operator, compare_numbers(value, term));
	if (term->operator != EQUAL && term->operator != NOT_EQUAL)
		return false;
	return fits(term->operator, size != strlen(term->text) ||
				    memcmp(text, term->text, size));
}

/* Of several attributes of the name, one has to. */
static bool attr_passes(const struct event *event, const struct term *term)
{
	const struct value *attr;

	for (attr = event->attrs; attr < event->attrs + event->n; attr++)
		if (attr->name_size == strlen(term->attr) &&
		    !memcmp(attr->name, term->attr, attr->name_size) &&
		    value_passes(attr, term))
			return true;
	return false;
}

bool passes(const struct event *event)
{
	const struct value severity = {
		.kind = EVLOG_KIND_U64, .number = event->severity,
	};
	const struct term *term;
	bool passes = true;

	for (term = terms; term && passes; term = term->next) {
		if (term->attr)
			passes = attr_passes(event, term);
		else if (term->field == SEVERITY && term->operator != MATCHES)
			passes = value_passes(&severity, term);
		else
			passes = value_passes(&event->fields[term->field],
					      term);
	}
	return passes;
}
