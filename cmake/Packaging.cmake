# `cpack` in a build directory makes brokerd_VERSION_ARCH.deb (programs, unit, configuration) and brokerd-dev (headers, libraries).
# What the programs link to becomes Depends by looking at them (dpkg-shlibdeps).
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME brokerd)
set(CPACK_PACKAGE_CONTACT "The brokerd authors <brokerd@localhost>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "AMQP 0-9-1 message broker")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_SET_DESTDIR ON)
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL runtime development)
set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION net)

set(packaging "${CMAKE_SOURCE_DIR}/packaging/debian")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_NAME brokerd)
set(CPACK_COMPONENT_RUNTIME_DESCRIPTION "A message broker that speaks AMQP 0-9-1 as RabbitMQ's clients expect it.\nDurable messages are kept in RocksDB.")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_DEPENDS adduser)
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_EXTRA "${packaging}/postinst;${packaging}/prerm;${packaging}/postrm;${packaging}/conffiles")
set(CPACK_DEBIAN_RUNTIME_PACKAGE_CONTROL_STRICT_PERMISSION ON)

set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_NAME brokerd-dev)
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_SECTION libdevel)
set(CPACK_COMPONENT_DEVELOPMENT_DESCRIPTION "Headers and static libraries of brokerd, to run a broker inside another program.")
set(CPACK_DEBIAN_DEVELOPMENT_PACKAGE_DEPENDS
    "libboost1.81-dev, libfmt-dev, libspdlog-dev, libssl-dev, libre2-dev, librocksdb-dev, libxxhash-dev, libtomlplusplus-dev, libsystemd-dev, pkg-config")
include(CPack)
