# SPDX-License-Identifier: MIT
# What `cmake --install` puts where: libraries, headers, the program, man pages, and the
# files by which other projects find them. The tree may be moved after installing.
include(CMakePackageConfigHelpers)

set(trp_package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/troupe)
set(trp_installed troupe)
if(TARGET troupe_sqlite)
  list(APPEND trp_installed troupe_sqlite)
endif()

install(TARGETS ${trp_installed} EXPORT troupe-targets
  ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR}
  LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR}
  RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(EXPORT troupe-targets NAMESPACE troupe:: DESTINATION ${trp_package_dir})
install(TARGETS troupe_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/troupe
  DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
file(GLOB trp_man_pages CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/docs/man/*.1)
install(FILES ${trp_man_pages} DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})

# A static library needs its own libraries where it is linked; a shared one brings them.
set(TRP_SQLITE OFF)
if(TARGET troupe_sqlite)
  set(TRP_SQLITE ON)
endif()
if(BUILD_SHARED_LIBS)
  set(TRP_STATIC OFF)
else()
  set(TRP_STATIC ON)
endif()
configure_package_config_file(${PROJECT_SOURCE_DIR}/tools/cmake/troupe-config.cmake.in
  ${PROJECT_BINARY_DIR}/troupe-config.cmake INSTALL_DESTINATION ${trp_package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/troupe-config-version.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/troupe-config.cmake
  ${PROJECT_BINARY_DIR}/troupe-config-version.cmake DESTINATION ${trp_package_dir})

# pkg-config: the prefix follows from where the file lies.
file(RELATIVE_PATH trp_pc_prefix /prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig /prefix)
string(REGEX REPLACE "/$" "" trp_pc_prefix "${trp_pc_prefix}")
set(TRP_PC_PREFIX "\${pcfiledir}/${trp_pc_prefix}")
set(TRP_PC_REQUIRES "libevent_core >= 2.1.12, openssl >= 3.0, libsodium")
set(TRP_PC_LIBS "-lm -lpthread")
foreach(library IN LISTS CMAKE_DL_LIBS)
  string(APPEND TRP_PC_LIBS " -l${library}")
endforeach()
if(TRP_STATIC)
  set(TRP_PC_PRIVATE "Requires: ${TRP_PC_REQUIRES}")
  set(TRP_PC_LINK "-L\${libdir} -ltroupe ${TRP_PC_LIBS}")
  set(TRP_PC_SQLITE "Requires: troupe = ${PROJECT_VERSION}, sqlite3")
else()
  set(TRP_PC_PRIVATE "Requires.private: ${TRP_PC_REQUIRES}")
  set(TRP_PC_LINK "-L\${libdir} -ltroupe\nLibs.private: ${TRP_PC_LIBS}")
  set(TRP_PC_SQLITE "Requires: troupe = ${PROJECT_VERSION}\nRequires.private: sqlite3")
endif()
configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/troupe.pc.in
  ${PROJECT_BINARY_DIR}/troupe.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/troupe.pc
  DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
if(TARGET troupe_sqlite)
  configure_file(${PROJECT_SOURCE_DIR}/tools/cmake/troupe-sqlite.pc.in
    ${PROJECT_BINARY_DIR}/troupe-sqlite.pc @ONLY)
  install(FILES ${PROJECT_BINARY_DIR}/troupe-sqlite.pc
    DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
endif()
