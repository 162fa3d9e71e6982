/* SPDX-License-Identifier: Apache-2.0 */
/**
 * DOC: API modules
 *
 * A module is a set of functions that a component calls and that the program it is linked into, the
 * port, defines. The linker joins them: nothing is registered at run time, and a port may leave out
 * what it does not need. The modules of this library (memory, arch, vmm, time, host, tlb) are made
 * with the macros below, and any other component makes its own with them:
 *
 *   log.h, public: the plain prototypes, each under its contract, and the list of their names
 *
 *       void my_log_write(const char *text, size_t size);
 *       void my_log_flush(void);
 *
 *       #define MY_LOG_VERSION 1
 *       #define MY_LOG_API(FN) FN(my_log, write) FN(my_log, flush)
 *       AX_API_DECLARE(my_log, MY_LOG_VERSION, MY_LOG_API);
 *
 *   a private header of the component: how its code calls them; NULL where the port has none
 *
 *       AX_API_ACCESS(my_log, MY_LOG_API);
 *       ... my_log_api()->write(text, size);
 *
 *   log_bind.c, the one file that refers to the port, weakly:
 *
 *       AX_API_BIND(my_log, MY_LOG_VERSION, MY_LOG_API);
 *
 *   log_require.c, alone in its file (and so in its archive member):
 *
 *       AX_API_REQUIRE(my_log, MY_LOG_API);
 *
 *   the port: plain definitions under the public header, by which the compiler checks them, and
 *
 *       AX_API_IMPLEMENT(my_log, MY_LOG_VERSION, MY_LOG_API);
 *
 * AX_API_DECLARE gives everybody, for any MODULE:
 *
 *   const char *MODULE_missing(uint64_t need)
 *       The name of the first function that is not bound among the bits of need, else NULL. Bit
 *       MODULE_index_NAME stands for MODULE_NAME; all ones asks for the whole module.
 *   void MODULE_require(void)
 *       Does nothing when called. That it is called (or linked by `-u MODULE_require`) makes every
 *       function of the module a strong reference: the port is pulled out of an archive that comes
 *       later on the command line, or counts as needed where it is a shared object, and what it
 *       lacks is a link error that names it.
 *   MODULE_index_NAME, MODULE_api_count
 *       The place of each function in the list, and their number, at most 64.
 *   MODULE_api_vVERSION
 *       A symbol of the component, by which the linker compares versions.
 *
 * Versions. A module's version changes when the meaning of one of its functions does. A port that
 * says AX_API_IMPLEMENT with another version than the component's does not link: the message names
 * MODULE_api_vVERSION. The function itself gets another link name at the same time,
 *
 *       void my_log_flush(void) __asm__("my_log_flush_v2");
 *
 * so that a port built against the old meaning is never called, even where it says nothing: its
 * function is unbound. Appending a function to the list changes no version.
 *
 * Why so. A weak declaration in a public header would make the port's own definition weak, and link
 * order would choose the winner. A weak default definition silently wins over a port in an archive.
 * A direct call of a weak function that stays unbound is out of a relocation's range on some layouts
 * and becomes a no-op on others. A table of pointers, read through a pointer that the compiler
 * cannot see through, has none of that, in every layout and under link-time optimisation.
 */
#ifndef AXVISOR_API_H
#define AXVISOR_API_H

#include <stdint.h>

/**
 * AX_API_DECLARE() - Public header: declare what each module has beside its functions.
 * @module: Prefix of the functions, without the last underscore.
 * @version: A number, or a macro that is one.
 * @LIST: Macro that calls its argument as FN(@module, name) for each function, at most 64 times.
 *
 * Belongs inside the header's extern "C", after the prototypes.
 */
#define AX_API_DECLARE(module, version, LIST) AX_API_DECLARE_(module, version, LIST)

/**
 * AX_API_ACCESS() - Private header: define MODULE_api(), by which the component calls the port.
 * @module: As declared.
 * @LIST: As declared.
 *
 * `const struct MODULE_api *MODULE_api(void)`: a member for each function, NULL when unbound.
 */
#define AX_API_ACCESS(module, LIST)                                                        \
	struct module##_api {                                                              \
		LIST(AX_API_MEMBER_)                                                       \
	};                                                                                 \
	extern const struct module##_api module##_bound AX_API_HIDDEN_;                    \
	static inline const struct module##_api *module##_api(void)                        \
	{                                                                                  \
		const struct module##_api *api = &module##_bound;                          \
                                                                                           \
		/* Else link-time optimisation concludes that a weak function is there. */ \
		__asm__("" : "+r"(api));                                                   \
		return api;                                                                \
	}                                                                                  \
	struct module##_api

/**
 * AX_API_BIND() - The component's one file that refers to the port: the table, MODULE_missing() and
 *	the version symbol. After AX_API_ACCESS.
 * @module: As declared.
 * @version: As declared.
 * @LIST: As declared.
 */
#define AX_API_BIND(module, version, LIST) AX_API_BIND_(module, version, LIST)

/**
 * AX_API_REQUIRE() - A file of the component with nothing else in it: MODULE_require().
 * @module: As declared.
 * @LIST: As declared.
 */
#define AX_API_REQUIRE(module, LIST)                                             \
	static void (*const module##_required[])(void) = {LIST(AX_API_STRONG_)}; \
	void module##_require(void)                                              \
	{                                                                        \
		__asm__ volatile("" : : "r"(module##_required));                 \
	}                                                                        \
	void module##_require(void)

/**
 * AX_API_IMPLEMENT() - The port: this program has all functions of a list, in this version.
 * @module: As declared.
 * @version: As declared: the one that the port was written for.
 * @LIST: As declared, or a shorter list of the same form for a port that has only a part.
 *
 * Holds strong references to the functions and to the version symbol; a few words of constant data
 * and no code. It may stand in the port, or in the file that starts the program: from there it
 * pulls the port out of an archive in whatever order the archives are named.
 */
#define AX_API_IMPLEMENT(module, version, LIST) AX_API_IMPLEMENT_(module, version, LIST)

/* The rest is private. */

#define AX_API_HIDDEN_ __attribute__((__visibility__("hidden")))

/* Freestanding, everything is in one image. Hosted, a port may sit in another shared object. */
#if defined(__STDC_HOSTED__) && __STDC_HOSTED__
#define AX_API_WEAK_ __attribute__((__weak__))
#else
#define AX_API_WEAK_ __attribute__((__weak__, __visibility__("hidden")))
#endif

/* Survives the compiler, and the linker's --gc-sections where the tools can say so. */
#ifdef __has_attribute
#if __has_attribute(__retain__)
#define AX_API_KEEP_ __attribute__((__used__, __retain__))
#endif
#endif
#ifndef AX_API_KEEP_
#define AX_API_KEEP_ __attribute__((__used__))
#endif

#define AX_API_INDEX_(module, name)  module##_index_##name,
#define AX_API_MEMBER_(module, name) __typeof__(module##_##name) *name;
#define AX_API_REFER_(module, name)  extern __typeof__(module##_##name) module##_##name AX_API_WEAK_;
#define AX_API_SLOT_(module, name)   .name = module##_##name,
#define AX_API_STRONG_(module, name) (void (*)(void)) module##_##name,
#define AX_API_TEST_(module, name)                              \
	if ((need >> module##_index_##name & 1u) && !api->name) \
		return #module "_" #name;

#define AX_API_DECLARE_(module, version, LIST)              \
	enum { LIST(AX_API_INDEX_) module##_api_count };    \
	extern const unsigned char module##_api_v##version; \
	const char *module##_missing(uint64_t need);        \
	void module##_require(void)

#define AX_API_BIND_(module, version, LIST)                                              \
	LIST(AX_API_REFER_)                                                              \
	_Static_assert(module##_api_count <= 64, "one bit of `need` for each function"); \
	const char *module##_missing(uint64_t need)                                      \
	{                                                                                \
		const struct module##_api *api = module##_api();                         \
                                                                                         \
		LIST(AX_API_TEST_)                                                       \
		return 0;                                                                \
	}                                                                                \
	const unsigned char module##_api_v##version = version;                           \
	const struct module##_api module##_bound = {LIST(AX_API_SLOT_)}

#define AX_API_IMPLEMENT_(module, version, LIST)                               \
	AX_API_KEEP_ static const unsigned char *const module##_version_used = \
		&module##_api_v##version;                                      \
	AX_API_KEEP_ static void (*const module##_implemented[])(void) = {LIST(AX_API_STRONG_)}

#endif /* AXVISOR_API_H */
