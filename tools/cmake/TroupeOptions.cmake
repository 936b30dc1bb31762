# SPDX-License-Identifier: MIT
# Every option there is.
option(BUILD_SHARED_LIBS "build libtroupe as a shared library" OFF)
option(TROUPE_WERROR "treat warnings as errors (on in the presets)" OFF)
option(TROUPE_FUZZ "build the fuzz targets (clang only)" OFF)
set(TROUPE_SANITIZE none CACHE STRING "none, address (with undefined), thread")
set_property(CACHE TROUPE_SANITIZE PROPERTY STRINGS none address thread)

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE RelWithDebInfo)
endif()
