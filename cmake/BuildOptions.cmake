# Warnings, hardening, sanitizers, linker and compiler cache: the same for every target.
find_program(BROKERD_CCACHE ccache)
if(BROKERD_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  # The sloppiness lets ccache serve files that use a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER "${CMAKE_COMMAND}" -E env "CCACHE_SLOPPINESS=pch_defines,time_macros" "${BROKERD_CCACHE}")
endif()
find_program(BROKERD_MOLD mold)
if(BROKERD_MOLD)
  add_link_options(-fuse-ld=mold)
endif()

add_library(mq_options INTERFACE)
target_compile_options(mq_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wno-missing-field-initializers
                       -fno-omit-frame-pointer)
# GCC copies names of at most 255 bytes with `rep movs`, whose start costs more than the C library's whole copy.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_SYSTEM_PROCESSOR MATCHES "x86_64|AMD64")
  target_compile_options(mq_options INTERFACE -mmemcpy-strategy=libcall:-1:noalign -mmemset-strategy=unrolled_loop:64:noalign,libcall:-1:noalign)
endif()
# Warnings are errors with the compiler that everybody here builds with. Another one has warnings of its own, which must stop nobody; with
# sanitizers GCC warns of what they put there.
set(werror OFF)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION MATCHES "^12\\." AND NOT BROKERD_SANITIZE)
  set(werror ON)
endif()
option(BROKERD_WERROR "Warnings are errors" ${werror})
if(BROKERD_WERROR)
  target_compile_options(mq_options INTERFACE -Werror)
endif()
if(BROKERD_SANITIZE)
  target_compile_options(mq_options INTERFACE -fsanitize=${BROKERD_SANITIZE} -fno-sanitize-recover=all $<$<CXX_COMPILER_ID:GNU>:-Wno-tsan>)
  target_link_options(mq_options INTERFACE -fsanitize=${BROKERD_SANITIZE})
endif()
if(BROKERD_COVERAGE)
  target_compile_options(mq_options INTERFACE --coverage)
  target_link_options(mq_options INTERFACE --coverage)
endif()
target_link_libraries(mq_options INTERFACE Threads::Threads)

# What makes a mistake with memory harder to exploit, for layers and programs; tests are compiled without optimization, and sanitizers do
# more than this. tests/clients/test_hardening.py looks at the result.
include(CheckPIESupported)
check_pie_supported()
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
add_library(mq_hardening INTERFACE)
if(NOT BROKERD_SANITIZE AND NOT CMAKE_BUILD_TYPE STREQUAL "Debug")
  target_compile_options(mq_hardening INTERFACE -fstack-protector-strong -fstack-clash-protection -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
  target_link_options(mq_hardening INTERFACE -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
endif()
