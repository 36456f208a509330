/* A fixed clock, fixed random numbers, and files that look alike everywhere, for a build tool that keeps what it sees of them.
 *
 * componentize-py and componentize-js start a language's runtime while they build, and store its memory in the component.
 * What the runtime has read of the clock, of chance and of files is stored with it, so that two builds of one source differ.
 * With this library before all others they are the same, byte for byte, on whatever file system:
 *
 *     cc -shared -fPIC -O1 -o steady.so steady.c
 *     LD_PRELOAD=$PWD/steady.so componentize-py ...
 *
 * For Linux on x86-64. It is for builds only, and makes nothing secret: never load it where random numbers have to be random.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

/* 2000-01-01, in seconds since 1970. The clocks of mmh's sandbox begin at this moment too. */
#define MOMENT 946684800

/* The sixth argument of the calls that this library makes itself. Others leave it to chance, and the calls ignore it. */
#define OURS 0x57111u

static uint64_t chance = 1;

/* SplitMix64: the same bytes in every build. */
static void fill(unsigned char *to, size_t size) {
  for (size_t i = 0; i < size; i++) {
    uint64_t z = (chance += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    to[i] = (z ^ (z >> 31)) >> 56;
  }
}

ssize_t getrandom(void *to, size_t size, unsigned flags) {
  (void)flags;
  fill(to, size);
  return size;
}

int getentropy(void *to, size_t size) {
  fill(to, size);
  return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
  time->tv_sec = clock == CLOCK_REALTIME ? MOMENT : 0;
  time->tv_nsec = 0;
  return 0;
}

/* A file's number is the place at which it was looked at first. */
static uint64_t number(uint64_t inode) {
  static uint64_t seen[1 << 16];
  static unsigned count;
  for (unsigned i = 0; i < count; i++)
    if (seen[i] == inode) return i + 1;
  if (count < sizeof seen / sizeof *seen) seen[count++] = inode;
  return count;
}

/* A file looks the same whenever it was made, and on whatever file system. */
static long look(greg_t *r) {
  struct statx *found = (struct statx *)r[REG_R8];
  long done = syscall(SYS_statx, r[REG_RDI], r[REG_RSI], r[REG_RDX], r[REG_R10], found, OURS);
  if (done < 0) return done;
  struct statx_timestamp moment = {.tv_sec = MOMENT};
  found->stx_atime = found->stx_mtime = found->stx_ctime = found->stx_btime = moment;
  found->stx_ino = number(found->stx_ino);
  found->stx_dev_major = found->stx_dev_minor = 0;
  found->stx_nlink = 1;
  if (S_ISDIR(found->stx_mode)) found->stx_size = found->stx_blocks = 0;
  return done;
}

/* A folder's entries, as the kernel writes them. */
struct entry {
  uint64_t number;
  int64_t offset;
  uint16_t size;
  uint8_t type;
  char name[];
};

/* What is known of an open folder: its entries, sorted by name, and how many were told. */
static struct listing {
  struct entry **entries;
  unsigned count, told;
} listings[1 << 10];

#define LISTED_BYTES (1 << 20)
#define LISTED (1 << 14)

/* Reads a folder to its end, and sorts it: each file system has another order. Memory comes from the kernel, because this
 * runs in a handler of signals; it is not given back, which a build tool of a few seconds can afford. */
static int list(int folder, struct listing *to) {
  size_t room = LISTED_BYTES + LISTED * sizeof(struct entry *);
  char *memory = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return -1;
  size_t used = 0;
  for (long more; (more = syscall(SYS_getdents64, folder, memory + used, LISTED_BYTES - used, 0, 0, OURS)) != 0; used += more)
    if (more < 0) return -1;
  *to = (struct listing){.entries = (struct entry **)(memory + LISTED_BYTES)};
  for (size_t at = 0; at < used; at += ((struct entry *)(memory + at))->size) {
    if (to->count == LISTED) return -1;
    struct entry *new = (struct entry *)(memory + at);
    unsigned place = to->count++;
    for (; place > 0 && strcmp(to->entries[place - 1]->name, new->name) > 0; place--) to->entries[place] = to->entries[place - 1];
    to->entries[place] = new;
  }
  return 0;
}

static long entries(greg_t *r) {
  unsigned folder = r[REG_RDI];
  struct listing *known = &listings[folder % (sizeof listings / sizeof *listings)];
  if (folder >= sizeof listings / sizeof *listings)
    return syscall(SYS_getdents64, r[REG_RDI], r[REG_RSI], r[REG_RDX], 0, 0, OURS);
  if (lseek(folder, 0, SEEK_CUR) == 0 && list(folder, known) < 0) return -1;
  char *to = (char *)r[REG_RSI];
  size_t room = r[REG_RDX], used = 0;
  for (; known->told < known->count; known->told++) {
    struct entry *next = known->entries[known->told];
    if (next->size > room - used) break;
    next->number = known->told + 1;
    next->offset = known->told + 1;
    memcpy(to + used, next, next->size);
    used += next->size;
  }
  if (used > 0 || known->told == known->count) return used;
  errno = EINVAL;
  return -1;
}

/* A thread that waits for some time wants to wait: it has counted from the fixed clock, and the kernel has its own. */
static long wait_for(greg_t *r) {
  struct timespec now, *asked = (struct timespec *)r[REG_R10];
  syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
  now.tv_sec += asked->tv_sec + (now.tv_nsec + asked->tv_nsec) / 1000000000;
  now.tv_nsec = (now.tv_nsec + asked->tv_nsec) % 1000000000;
  /* The mark of this library is also a set of bits that whoever wakes a thread has. */
  return syscall(SYS_futex, r[REG_RDI], r[REG_RSI], r[REG_RDX], &now, r[REG_R8], OURS);
}

/* Answers a system call that the filter has stopped: programs in Rust call the kernel without the C library. */
static void stopped(int signal, siginfo_t *info, void *context) {
  (void)signal;
  greg_t *r = ((ucontext_t *)context)->uc_mcontext.gregs;
  int kept = errno;
  long done;
  switch (info->si_syscall) {
  case SYS_getrandom:
    fill((unsigned char *)r[REG_RDI], r[REG_RSI]);
    done = r[REG_RSI];
    break;
  case SYS_statx:
    done = look(r);
    break;
  case SYS_getdents64:
    done = entries(r);
    break;
  case SYS_futex:
    done = wait_for(r);
    break;
  default:
    /* The times and the rights of unpacked files are nobody's business, and mmh's jail lets nobody set them. */
    done = 0;
  }
  r[REG_RAX] = done < 0 ? -errno : done;
  errno = kept;
}

__attribute__((constructor)) static void begin(void) {
  struct sigaction action = {.sa_sigaction = stopped, .sa_flags = SA_SIGINFO | SA_NODEFER};
  sigaction(SIGSYS, &action, NULL);
  struct sock_filter rules[] = {
      /* Calls to answer; calls to answer unless this library makes them itself; waits that have an end. */
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 11, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_fchmod, 10, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_utimensat, 9, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_statx, 6, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getdents64, 5, 0),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 7),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_WAIT_BITSET_PRIVATE, 0, 5),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[3])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[5])),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OURS, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {sizeof rules / sizeof *rules, rules};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}
