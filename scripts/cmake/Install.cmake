# What `cmake --install` puts under a prefix, which may be moved afterwards:
#
#   bin/kv                       finds its vectors through its own place
#   include/kv, lib/libkv.a      the engine and the client; find_package(kv) gives kv::kv
#   share/kv/vectors             for `kv conformance`
#   share/doc/kv                 README, LICENSE and pages, in the tree's own folders so that links hold
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

# One library of the layers an application may use; how they are cut is nobody else's business.
add_library(kv_library STATIC)
set_target_properties(kv_library PROPERTIES OUTPUT_NAME kv EXPORT_NAME kv)
foreach(layer base format io engine protocol client)
  target_sources(kv_library PRIVATE $<TARGET_OBJECTS:kv_${layer}>)
  get_target_property(needed kv_${layer} KV_LINK)
  target_link_libraries(kv_library PRIVATE ${needed})
endforeach()
target_link_libraries(kv_library PUBLIC kv_api)
set_target_properties(kv_api PROPERTIES EXPORT_NAME api)

set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/kv)
install(TARGETS kv_library kv_api EXPORT kv FILE_SET HEADERS)
install(EXPORT kv NAMESPACE kv:: FILE kvTargets.cmake DESTINATION ${config_dir})
write_basic_package_version_file(${CMAKE_BINARY_DIR}/kvConfigVersion.cmake
                                 COMPATIBILITY SameMinorVersion)
install(FILES scripts/cmake/kvConfig.cmake ${CMAKE_BINARY_DIR}/kvConfigVersion.cmake
        DESTINATION ${config_dir})

install(TARGETS kv RUNTIME)
install(DIRECTORY protocol/vectors DESTINATION ${CMAKE_INSTALL_DATADIR}/kv)
set(doc_dir ${CMAKE_INSTALL_DATADIR}/doc/kv)
install(FILES README.md LICENSE DESTINATION ${doc_dir})
install(DIRECTORY docs DESTINATION ${doc_dir})
install(FILES protocol/README.md protocol/protocol.abnf DESTINATION ${doc_dir}/protocol)
install(FILES rel/kv.conf rel/README.md DESTINATION ${doc_dir}/rel)

# rel/release makes the archive.
string(TOLOWER ${CMAKE_SYSTEM_NAME} system)
set(CPACK_GENERATOR TGZ)
set(CPACK_PACKAGE_FILE_NAME kv-${PROJECT_VERSION}-${system}-${CMAKE_SYSTEM_PROCESSOR})
set(CPACK_STRIP_FILES ON)
include(CPack)
