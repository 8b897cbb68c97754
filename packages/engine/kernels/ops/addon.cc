// The addon: all ops in one translation unit, since reading TensorFlow's headers takes most of its compile time.
// Loading it registers the ops; it exports the name of the instruction set's table, and of all that this processor
// can use, for people and tests to see; and a function that gives free memory back.
#include <node_api.h>

#include "attention.cc"
#include "batch_norm.cc"
#include "gelu.cc"
#include "holders.cc"
#include "layer_norm.cc"
#include "linear.cc"
#include "optimizer.cc"
#include "perceptron.cc"
#include "pixels.cc"
#include "random.cc"
#include "residual.cc"
#include "resident.h"

namespace sitjs {

// The build says which tables it has made (SITJS_TABLES_…): a compiler that does not know an instruction set makes none.
extern const Compute compute_base;
#if defined(SITJS_TABLES_AVX2)
extern const Compute compute_avx2;
#endif
#if defined(SITJS_TABLES_AVX512)
extern const Compute compute_avx512;
#endif
#if defined(SITJS_TABLES_AVX512BF16)
extern const Compute compute_avx512bf16;
#endif

namespace {

// The tables this processor can use, the best last.
std::vector<const Compute*> Usable() {
  std::vector<const Compute*> usable = {&compute_base};
#if defined(__x86_64__)
  __builtin_cpu_init();
#endif
#if defined(SITJS_TABLES_AVX2)
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (avx2) usable.push_back(&compute_avx2);
#endif
#if defined(SITJS_TABLES_AVX512)
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") &&
                      __builtin_cpu_supports("fma");
  if (avx512) usable.push_back(&compute_avx512);
#endif
#if defined(SITJS_TABLES_AVX512BF16)
  if (avx512 && __builtin_cpu_supports("avx512bf16")) usable.push_back(&compute_avx512bf16);
#endif
  return usable;
}

const Compute* Choose() {
  const std::vector<const Compute*> usable = Usable();
  // SITJS_SIMD names a lesser one: for tests of all of them on one machine.
  const char* asked = std::getenv("SITJS_SIMD");
  for (const Compute* table : usable) {
    if (asked != nullptr && table->name == std::string("compute_") + asked) return table;
  }
  return usable.back();
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

napi_value Release(napi_env env, napi_callback_info) {
  napi_value released;
  return napi_get_boolean(env, sitjs::ReleaseFreePages(), &released) == napi_ok ? released : nullptr;
}

napi_value Init(napi_env env, napi_value exports) {
  sitjs::ReleaseLibraryPages();
  napi_value name, tables, release;
  if (napi_create_string_utf8(env, sitjs::Best().name, NAPI_AUTO_LENGTH, &name) == napi_ok) {
    napi_set_named_property(env, exports, "table", name);
  }
  if (napi_create_array(env, &tables) == napi_ok) {
    uint32_t count = 0;
    for (const sitjs::Compute* table : sitjs::Usable()) {
      if (napi_create_string_utf8(env, table->name, NAPI_AUTO_LENGTH, &name) == napi_ok) {
        napi_set_element(env, tables, count++, name);
      }
    }
    napi_set_named_property(env, exports, "tables", tables);
  }
  if (napi_create_function(env, "release", NAPI_AUTO_LENGTH, Release, nullptr, &release) == napi_ok) {
    napi_set_named_property(env, exports, "release", release);
  }
  return exports;
}

}  // namespace

NAPI_MODULE(sitjs_kernels, Init)
