// Memory that the process holds and does not use.
#ifndef SITJS_OPS_RESIDENT_H_
#define SITJS_OPS_RESIDENT_H_

#if defined(__linux__)
#include <sys/mman.h>

#include <cstdio>
#include <cstring>
#endif
#if defined(__GLIBC__)
#include <malloc.h>
#endif

namespace sitjs {

// Gives the pages of TensorFlow's libraries back that came in when they were loaded (symbols, relocations, code that
// registers operations): some 200 MB that are never looked at again. They are clean pages of a file, so what is needed
// after all comes back by itself. Returns how many kilobytes went; 0 on other systems than Linux.
inline long ReleaseLibraryPages() {
  long released = 0;
#if defined(__linux__)
  std::FILE* maps = std::fopen("/proc/self/smaps", "r");
  if (maps == nullptr) return 0;
  char line[4096];
  unsigned long begin = 0, end = 0;
  long resident = 0;
  bool ours = false;
  while (std::fgets(line, sizeof line, maps) != nullptr) {
    unsigned long from, to;
    char access[5];
    long kilobytes;
    if (std::sscanf(line, "%lx-%lx %4s", &from, &to, access) == 3) {
      begin = from;
      end = to;
      resident = 0;
      ours = access[1] == '-' && std::strstr(line, "/libtensorflow") != nullptr;
    } else if (std::sscanf(line, "Rss: %ld kB", &kilobytes) == 1) {
      resident = kilobytes;
    } else if (ours && std::sscanf(line, "Anonymous: %ld kB", &kilobytes) == 1 && kilobytes == 0) {
      // Pages that relocation has changed are anonymous, and would be lost.
      if (madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED) == 0) released += resident;
    }
  }
  std::fclose(maps);
#endif
  return released;
}

// Gives the pages back in which everything was freed, of all arenas of glibc: it keeps one for most of the threads that
// have ever allocated, and by itself gives only the end of each back. Returns whether any went.
inline bool ReleaseFreePages() {
#if defined(__GLIBC__)
  return malloc_trim(0) == 1;
#else
  return false;
#endif
}

}  // namespace sitjs

#endif  // SITJS_OPS_RESIDENT_H_
