/*
 * What cppcheck has to know of PostgreSQL's macros, since it does not read the
 * server's headers. No compiler ever sees this file.
 */
#define PG_VERSION_NUM 150000
#define PG_MODULE_MAGIC
#define PG_FUNCTION_INFO_V1(function) extern int function##_declared
#define foreach(cell, list) for (cell = list_head(list); cell != NULL; cell = lnext(list, cell))
