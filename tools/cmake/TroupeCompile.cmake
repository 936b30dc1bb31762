# SPDX-License-Identifier: MIT
# How every target is compiled, and how the libraries are made from the folders' lists.

function(troupe_compile target)
  set_target_properties(${target} PROPERTIES
    C_STANDARD 11 C_STANDARD_REQUIRED ON C_EXTENSIONS OFF
    C_VISIBILITY_PRESET hidden POSITION_INDEPENDENT_CODE ON)
  target_compile_definitions(${target} PRIVATE _POSIX_C_SOURCE=200809L)
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wconversion
    -Wsign-conversion -Wshadow -Wundef -Wstrict-prototypes -Wmissing-prototypes -Wvla
    -Wcast-qual -Wwrite-strings $<$<BOOL:${TROUPE_WERROR}>:-Werror>)
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR})
  if(CMAKE_BUILD_TYPE STREQUAL "Release" OR CMAKE_BUILD_TYPE STREQUAL "RelWithDebInfo")
    target_compile_options(${target} PRIVATE -fstack-protector-strong)
    target_link_options(${target} PRIVATE -Wl,-z,relro,-z,now)
    if(TROUPE_SANITIZE STREQUAL none)
      target_compile_definitions(${target} PRIVATE _FORTIFY_SOURCE=2)
    endif()
  endif()
  if(TROUPE_SANITIZE STREQUAL address)
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined
      -fno-sanitize-recover=all -fno-omit-frame-pointer)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  elseif(TROUPE_SANITIZE STREQUAL thread)
    # The recorder's fences are for other processes, which the sanitizer does not watch.
    target_compile_options(${target} PRIVATE -fsanitize=thread -fno-omit-frame-pointer
      $<$<C_COMPILER_ID:GNU>:-Wno-tsan>)
    target_link_options(${target} PRIVATE -fsanitize=thread)
  endif()
  if(TROUPE_FUZZ)
    target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
  endif()
endfunction()

# Adds source files of the calling folder to the library named by its first argument:
# CORE (troupe) or SQLITE (troupe_sqlite).
function(trp_sources library)
  foreach(name IN LISTS ARGN)
    set_property(GLOBAL APPEND PROPERTY TRP_${library} ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  endforeach()
endfunction()

# Sources are compiled once, into objects that several libraries share.
function(trp_objects target sources)
  add_library(${target} OBJECT ${sources})
  troupe_compile(${target})
  target_include_directories(${target} PRIVATE ${PROJECT_SOURCE_DIR}/include)
  target_link_libraries(${target} PRIVATE ${ARGN})
endfunction()

function(trp_library target)
  add_library(${target} ${ARGN})
  troupe_compile(${target})
  target_include_directories(${target} PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE C VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR})
  get_target_property(type ${target} TYPE)
  if(type STREQUAL SHARED_LIBRARY AND TROUPE_SANITIZE STREQUAL none)
    target_link_options(${target} PRIVATE -Wl,-z,defs) # nothing private of another library
  endif()
endfunction()

# troupe and troupe_sqlite as users link them, and troupe_testable with everything of both
# visible, for tests, fuzz targets and the program.
function(trp_libraries)
  get_property(core GLOBAL PROPERTY TRP_CORE)
  get_property(sqlite GLOBAL PROPERTY TRP_SQLITE)
  set(needs PkgConfig::libevent OpenSSL::SSL OpenSSL::Crypto PkgConfig::sodium
    Threads::Threads m ${CMAKE_DL_LIBS})
  trp_objects(troupe_core_objects "${core}" ${needs})
  trp_objects(troupe_sqlite_objects "${sqlite}" PkgConfig::sqlite3 Threads::Threads)

  trp_library(troupe $<TARGET_OBJECTS:troupe_core_objects>)
  add_library(troupe::troupe ALIAS troupe)
  target_link_libraries(troupe PRIVATE ${needs})

  trp_library(troupe_sqlite $<TARGET_OBJECTS:troupe_sqlite_objects>)
  add_library(troupe::sqlite ALIAS troupe_sqlite)
  if(BUILD_SHARED_LIBS) # what is private in libtroupe and used here too
    target_sources(troupe_sqlite PRIVATE ${PROJECT_SOURCE_DIR}/mailbox/alloc.c
      ${PROJECT_SOURCE_DIR}/mailbox/pool.c)
  endif()
  target_link_libraries(troupe_sqlite PUBLIC troupe PRIVATE PkgConfig::sqlite3)
  set_target_properties(troupe_sqlite PROPERTIES EXPORT_NAME sqlite)

  trp_library(troupe_testable STATIC $<TARGET_OBJECTS:troupe_core_objects>
    $<TARGET_OBJECTS:troupe_sqlite_objects>)
  target_link_libraries(troupe_testable PUBLIC ${needs} PkgConfig::sqlite3)
endfunction()
