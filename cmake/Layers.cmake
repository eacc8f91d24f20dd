# brokerd_layer(NAME DEPENDS ... PRIVATE_DEPENDS ...): a static library of src/NAME/**.cpp, called mq_NAME. A layer without sources yet
# is an interface library, so that the order of building the house does not matter.
# Each is installed and exported under its own name: mq_server is brokerd::server to those who embed the broker.
function(brokerd_layer name)
  cmake_parse_arguments(arg "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  if(sources)
    add_library(mq_${name} STATIC ${sources})
    target_include_directories(mq_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                               PRIVATE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(mq_${name} PUBLIC $<BUILD_INTERFACE:mq_options> ${arg_DEPENDS}
                          PRIVATE $<BUILD_INTERFACE:mq_hardening> ${arg_PRIVATE_DEPENDS})
  else()
    add_library(mq_${name} INTERFACE)
    target_link_libraries(mq_${name} INTERFACE ${arg_DEPENDS})
  endif()
  set_target_properties(mq_${name} PROPERTIES EXPORT_NAME ${name})
  set_property(GLOBAL APPEND PROPERTY BROKERD_LAYERS mq_${name})
endfunction()

# brokerd_precompile(TARGET headers...): compiles headers that cost most of a target's build time once instead of once per file. Worth it
# from about four files that include them. The presets dev and tidy build without, so that no file comes to rely on them.
function(brokerd_precompile target)
  if(NOT TARGET ${target})
    return()
  endif()
  get_target_property(type ${target} TYPE)
  if(type STREQUAL "INTERFACE_LIBRARY")
    return()
  endif()
  set(headers ${ARGN})
  list(TRANSFORM headers REPLACE "^(.+)$" "<\\1>")
  target_precompile_headers(${target} PRIVATE ${headers})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # ccache needs it
  endif()
endfunction()

# brokerd_program(NAME [PARTS] DEPENDS ...): an executable of src/apps/NAME/**.cpp, put into the top of the build directory. With PARTS all
# but main.cpp is a static library NAME_parts, for unit tests to link.
function(brokerd_program name)
  cmake_parse_arguments(arg "PARTS" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/apps/${name}/*.cpp")
  if(sources)
    set(parts ${name})
    if(arg_PARTS)
      set(parts ${name}_parts)
      list(FILTER sources EXCLUDE REGEX "/main\\.cpp$")
      add_library(${parts} STATIC ${sources})
      set(sources "${CMAKE_SOURCE_DIR}/src/apps/${name}/main.cpp")
    endif()
    add_executable(${name} ${sources})
    target_include_directories(${parts} PUBLIC "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${parts} PUBLIC mq_options ${arg_DEPENDS} PRIVATE mq_hardening)
    target_compile_definitions(${parts} PRIVATE BROKERD_VERSION="${PROJECT_VERSION}")
    if(arg_PARTS)
      target_link_libraries(${name} PRIVATE ${parts} mq_hardening)
    endif()
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
    set_property(GLOBAL APPEND PROPERTY BROKERD_PROGRAMS ${name})
  endif()
endfunction()
