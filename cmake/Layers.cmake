# brokerd_layer(NAME DEPENDS ... PRIVATE_DEPENDS ...): a static library of src/NAME/**.cpp, called mq_NAME. A layer without sources yet
# is an interface library, so that the order of building the house does not matter.
function(brokerd_layer name)
  cmake_parse_arguments(arg "" "" "DEPENDS;PRIVATE_DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/${name}/*.cpp")
  if(sources)
    add_library(mq_${name} STATIC ${sources})
    target_include_directories(mq_${name} PUBLIC $<BUILD_INTERFACE:${CMAKE_SOURCE_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>
                               PRIVATE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(mq_${name} PUBLIC $<BUILD_INTERFACE:mq_options> ${arg_DEPENDS} PRIVATE ${arg_PRIVATE_DEPENDS})
  else()
    add_library(mq_${name} INTERFACE)
    target_link_libraries(mq_${name} INTERFACE ${arg_DEPENDS})
  endif()
endfunction()

# brokerd_program(NAME DEPENDS ...): an executable of src/apps/NAME/**.cpp, put into the top of the build directory.
function(brokerd_program name)
  cmake_parse_arguments(arg "" "" "DEPENDS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS "${CMAKE_SOURCE_DIR}/src/apps/${name}/*.cpp")
  if(sources)
    add_executable(${name} ${sources})
    target_include_directories(${name} PRIVATE "${CMAKE_SOURCE_DIR}/src")
    target_link_libraries(${name} PRIVATE mq_options ${arg_DEPENDS})
    target_compile_definitions(${name} PRIVATE BROKERD_VERSION="${PROJECT_VERSION}")
    set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY "${CMAKE_BINARY_DIR}")
  endif()
endfunction()
