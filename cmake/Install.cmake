# What `cmake --install` puts where. Component runtime: the programs, the unit and the configuration. Component development: the public
# headers, the layers as static libraries and a CMake package, so that others can find_package(brokerd) and link brokerd::server.
include(CMakePackageConfigHelpers)

get_property(layers GLOBAL PROPERTY BROKERD_LAYERS)
get_property(programs GLOBAL PROPERTY BROKERD_PROGRAMS)
set(package_dir "${CMAKE_INSTALL_LIBDIR}/cmake/brokerd")

if(programs)
  install(TARGETS ${programs} RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}" COMPONENT runtime)
endif()
install(FILES "${CMAKE_SOURCE_DIR}/README.md" "${CMAKE_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}" COMPONENT runtime)

# The configuration belongs into /etc when the programs go below /usr, and the unit must name the programs where they are.
install(CODE "
  set(etc \"\${CMAKE_INSTALL_PREFIX}/etc\")
  if(CMAKE_INSTALL_PREFIX STREQUAL \"/usr\")
    set(etc \"/etc\")
  endif()
  file(INSTALL \"${CMAKE_SOURCE_DIR}/config/brokerd.toml\" DESTINATION \"\${etc}/brokerd\")
  file(READ \"${CMAKE_SOURCE_DIR}/packaging/brokerd.service\" unit)
  string(REPLACE \"/usr/bin/\" \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}/\" unit \"\${unit}\")
  string(REPLACE \"/etc/brokerd/\" \"\${etc}/brokerd/\" unit \"\${unit}\")
  file(WRITE \"${CMAKE_BINARY_DIR}/brokerd.service\" \"\${unit}\")
  file(INSTALL \"${CMAKE_BINARY_DIR}/brokerd.service\" DESTINATION \"\${CMAKE_INSTALL_PREFIX}/lib/systemd/system\")
" COMPONENT runtime)

install(TARGETS ${layers} EXPORT brokerdTargets ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}" COMPONENT development)
install(DIRECTORY "${CMAKE_SOURCE_DIR}/include/mq" DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}" COMPONENT development FILES_MATCHING PATTERN "*.hpp")
install(EXPORT brokerdTargets NAMESPACE brokerd:: DESTINATION "${package_dir}" COMPONENT development)
configure_package_config_file("${CMAKE_CURRENT_LIST_DIR}/brokerdConfig.cmake.in" "${CMAKE_BINARY_DIR}/brokerdConfig.cmake"
                              INSTALL_DESTINATION "${package_dir}")
write_basic_package_version_file("${CMAKE_BINARY_DIR}/brokerdConfigVersion.cmake" COMPATIBILITY SameMinorVersion)
install(FILES "${CMAKE_BINARY_DIR}/brokerdConfig.cmake" "${CMAKE_BINARY_DIR}/brokerdConfigVersion.cmake" DESTINATION "${package_dir}"
        COMPONENT development)
