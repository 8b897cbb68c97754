// What every op needs: the computing code for this processor, threads, scratch memory.
#ifndef SITJS_OPS_COMMON_H_
#define SITJS_OPS_COMMON_H_

#include <atomic>
#include <cstdlib>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "../compute/compute.h"
#include "tensorflow/core/common_runtime/dma_helper.h"
#include "tensorflow/core/framework/op.h"
#include "tensorflow/core/framework/op_kernel.h"
#include "tensorflow/core/framework/shape_inference.h"

namespace sitjs {

using tensorflow::DEVICE_CPU;
using tensorflow::OpInputList;
using tensorflow::OpKernel;
using tensorflow::OpKernelConstruction;
using tensorflow::OpKernelContext;
using tensorflow::OpOutputList;
using tensorflow::Tensor;
using tensorflow::TensorShape;
using tensorflow::errors::InvalidArgument;

// The table for the best instruction set of this processor.
const Compute& Best();

inline Index Blocks(Index size, Index block) { return (size + block - 1) / block; }

inline Index Least(Index a, Index b) { return a < b ? a : b; }

// Work of about this many nanoseconds is worth another thread.
constexpr double kTaskNanoseconds = 20000.0;

// Runs task(0) … task(count - 1) on TensorFlow's threads. What a task does must not depend on which thread runs it
// or on how many there are: then neither do results. `nanoseconds` is a guess of one task's time; little work stays
// on this thread.
template <typename Task>
void ForEach(OpKernelContext* context, Index count, double nanoseconds, const Task& task) {
  const auto& threads = *context->device()->tensorflow_cpu_worker_threads();
  if (count <= 1 || threads.num_threads <= 1 || nanoseconds * static_cast<double>(count) < kTaskNanoseconds) {
    for (Index i = 0; i < count; i++) task(i);
    return;
  }
  // Many more parts than threads, so that none ends much later than the others; not more than are worth handing over.
  const Index parts = 32 * threads.num_threads;
  const Index by_time = static_cast<Index>(nanoseconds * static_cast<double>(count) / kTaskNanoseconds) + 1;
  const int64_t block = Blocks(count, parts < by_time ? parts : by_time);
  using tsl::thread::ThreadPool;
  const ThreadPool::SchedulingParams params(ThreadPool::SchedulingStrategy::kFixedBlockSize, absl::nullopt, block);
  threads.workers->ParallelFor(count, params, [&task](int64_t begin, int64_t end) {
    for (Index i = begin; i < end; i++) task(i);
  });
}

// This thread's own memory for `count` floats, aligned to cache lines; valid until the next call on this thread.
float* Scratch(Index count);

inline const float* In(const Tensor& tensor) { return tensor.flat<float>().data(); }

inline float* Out(Tensor* tensor) { return tensor->flat<float>().data(); }

// How many references there are to the memory of a tensor that JavaScript holds once. Some are TensorFlow's own, so that
// the number is measured (SitHolders); until then it is 0, and nothing is overwritten.
std::atomic<int>& HoldersOfOne();

inline tensorflow::TensorBuffer* BufferOf(const Tensor& tensor) {
  return const_cast<tensorflow::TensorBuffer*>(tensorflow::DMAHelper::buffer(&tensor));
}

// References to the tensor's memory; 0 where that is a part of another's, or not TensorFlow's to give: a tensor made of an
// array of JavaScript lies in that array.
inline int HoldersOf(const Tensor& tensor) {
  tensorflow::TensorBuffer* const buffer = BufferOf(tensor);
  if (buffer == nullptr || buffer->root_buffer() != buffer || !buffer->OwnsMemory()) return 0;
  return static_cast<int>(buffer->RefCount());
}

// True where nothing in TensorFlow shares the memory of this input, no other input either. JavaScript answers for its own
// side: it asks for overwriting only where it gives the tensor up.
inline bool HeldOnce(OpKernelContext* context, const Tensor& input) {
  const int holders = HoldersOf(input);
  if (holders == 0 || holders != HoldersOfOne().load()) return false;
  int same = 0;
  for (int i = 0; i < context->num_inputs(); i++) same += BufferOf(context->input(i)) == BufferOf(input) ? 1 : 0;
  return same == 1;
}

// Output `index`, shaped like `input`: its very memory where `overwrite` and nobody else holds it.
inline absl::Status OutputFor(OpKernelContext* context, int index, const Tensor& input, bool overwrite, float** data) {
  if (overwrite && HeldOnce(context, input)) {
    context->set_output(index, input);
    *data = const_cast<float*>(In(input));
    return absl::OkStatus();
  }
  Tensor* output;
  TF_RETURN_IF_ERROR(context->allocate_output(index, input.shape(), &output));
  *data = Out(output);
  return absl::OkStatus();
}

// The size of the last axis, and how many rows of it there are.
struct RowsOf {
  Index rows, columns;
  explicit RowsOf(const Tensor& tensor)
      : rows(0), columns(tensor.dims() == 0 ? 1 : tensor.dim_size(tensor.dims() - 1)) {
    rows = columns == 0 ? 0 : tensor.NumElements() / columns;
  }
};

}  // namespace sitjs

#endif  // SITJS_OPS_COMMON_H_
