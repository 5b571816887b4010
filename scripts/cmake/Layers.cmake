# One static library per folder. A layer's headers are found through build/layers/<name>/<name>,
# a link to its folder, and only by the layers that list it in DEPS: an include that goes the wrong
# way does not build.
function(kv_layer name)
  cmake_parse_arguments(ARG "PRIVATE_HEADERS" "DIR" "DEPS;LINK;PUBLIC_LINK" ${ARGN})
  set(root ${CMAKE_BINARY_DIR}/layers/${name})
  file(MAKE_DIRECTORY ${root})
  file(CREATE_LINK ${CMAKE_SOURCE_DIR}/${ARG_DIR} ${root}/${name} SYMBOLIC)

  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/${ARG_DIR}/*.cc)
  list(FILTER sources EXCLUDE REGEX "/main\\.cc$")
  if(NOT sources)
    add_library(kv_${name} INTERFACE)
    return()
  endif()
  add_library(kv_${name} STATIC ${sources})
  list(TRANSFORM ARG_DEPS PREPEND kv_ OUTPUT_VARIABLE deps)
  if(ARG_PRIVATE_HEADERS)
    # Used through include/kv/ alone; see kv_internals for the tests' view.
    target_include_directories(kv_${name} PRIVATE ${root})
    target_link_libraries(kv_${name} PUBLIC kv_api PRIVATE ${deps} kv_flags)
  else()
    target_include_directories(kv_${name} PUBLIC $<BUILD_INTERFACE:${root}>)
    target_link_libraries(kv_${name} PUBLIC kv_api ${deps} PRIVATE kv_flags)
  endif()
  target_link_libraries(kv_${name} PUBLIC ${ARG_PUBLIC_LINK} PRIVATE ${ARG_LINK})
  target_include_directories(kv_internals INTERFACE ${root})
  target_link_libraries(kv_internals INTERFACE kv_${name} ${ARG_LINK} ${ARG_PUBLIC_LINK})
endfunction()
