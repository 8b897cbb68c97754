// The addon: all ops in one translation unit, since reading TensorFlow's headers takes most of its compile time.
// Loading it registers the ops; it exports the names of the instruction set's table, for people to see.
#include <node_api.h>

#include "attention.cc"
#include "batch_norm.cc"
#include "gelu.cc"
#include "layer_norm.cc"
#include "linear.cc"
#include "optimizer.cc"
#include "pixels.cc"
#include "random.cc"
#include "residual.cc"

namespace sitjs {

extern const Compute compute_base;
#if defined(__x86_64__)
extern const Compute compute_avx2;
extern const Compute compute_avx512;
#endif

namespace {

const Compute* Choose() {
#if defined(__x86_64__)
  // SITJS_SIMD names a lesser one: for tests of all of them on one machine.
  const char* asked = std::getenv("SITJS_SIMD");
  const std::string most = asked == nullptr ? "" : asked;
  if (most == "base") return &compute_base;
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
  if (avx512 && most != "avx2") return &compute_avx512;
  if (avx2) return &compute_avx2;
#endif
  return &compute_base;
}

struct Memory {
  float* floats = nullptr;
  Index size = 0;
  ~Memory() { std::free(floats); }
};

}  // namespace

const Compute& Best() {
  static const Compute* const best = Choose();
  return *best;
}

float* Scratch(Index count) {
  thread_local Memory memory;
  if (memory.size < count) {
    std::free(memory.floats);
    void* fresh = nullptr;
    memory.size = 0;
    memory.floats = nullptr;
    if (posix_memalign(&fresh, 64, sizeof(float) * static_cast<size_t>(count)) != 0) throw std::bad_alloc();
    memory.floats = static_cast<float*>(fresh);
    memory.size = count;
  }
  return memory.floats;
}

}  // namespace sitjs

namespace {

napi_value Init(napi_env env, napi_value exports) {
  napi_value name;
  if (napi_create_string_utf8(env, sitjs::Best().name, NAPI_AUTO_LENGTH, &name) == napi_ok) {
    napi_set_named_property(env, exports, "table", name);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(sitjs_kernels, Init)
