// Loads a library while the standard error stream is closed to it.
//
// TensorFlow 2.21 writes a line of its own while its framework library starts, before it has read
// TF_CPP_MIN_LOG_LEVEL, so that nothing in its interface can keep it quiet. Everything it prints later obeys that
// variable. A library that cannot be loaded is an exception, which says why.
#include <dlfcn.h>
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

#include <cstdio>
#include <string>

namespace {

napi_value Load(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value argument;
  size_t length = 0;
  if (napi_get_cb_info(env, info, &count, &argument, nullptr, nullptr) != napi_ok || count != 1 ||
      napi_get_value_string_utf8(env, argument, nullptr, 0, &length) != napi_ok) {
    napi_throw_type_error(env, nullptr, "load: expected the path of a library");
    return nullptr;
  }
  std::string path(length + 1, '\0');
  napi_get_value_string_utf8(env, argument, &path[0], path.size(), &length);

  std::fflush(stderr);
  const int saved = dup(STDERR_FILENO);
  const int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
  const bool muted = saved >= 0 && nowhere >= 0 && dup2(nowhere, STDERR_FILENO) >= 0;
  void* library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  std::fflush(stderr);
  if (muted) dup2(saved, STDERR_FILENO);
  if (saved >= 0) close(saved);
  if (nowhere >= 0) close(nowhere);
  if (library == nullptr) napi_throw_error(env, nullptr, dlerror());
  return nullptr;
}

napi_value Init(napi_env env, napi_value exports) {
  napi_value load;
  if (napi_create_function(env, "load", NAPI_AUTO_LENGTH, Load, nullptr, &load) == napi_ok) {
    napi_set_named_property(env, exports, "load", load);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(sitjs_quiet, Init)
