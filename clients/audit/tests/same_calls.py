#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares what bufflink-audit and strace say of the same program.

usage: same_calls.py AUDITED STRACED [--no-files]

AUDITED is what "bufflink-audit -y" wrote. STRACED.TID, one for each thread, are
what "strace -ff -y -s 512 -o STRACED" wrote of a shell that entered the cgroup
which is audited, and then ran the program. Each thread must have the same calls,
in the same order, with the same texts, addresses, numbers, results and files of
descriptors, without --no-files: a kernel with PREEMPT_RT does not tell them. Prints
all that is not the same, and fails if there is anything, or nothing to compare.

The two are known to differ in this, which is not compared:

- Buffers, structures, and times: the auditor prints their address.
- Flags: libauparse and strace have other words for some of them.
- The file of a descriptor in another root directory: the auditor has its path as
  the program sees it, strace as strace does.
- The file of a descriptor that was removed: strace has "(deleted)" behind the
  path, the auditor, as the kernel, in it.
- The place in the file of mmap2(), which only 32-bit programs have: strace turns
  the pages that the program passes into bytes.
- The first return of a new thread: strace has no line for it. It is looked for.
- The result of a call in which a thread is killed: strace says "?", the auditor
  has none, or the one that the kernel would have restarted the call with.
"""
import os
import re
import sys
from collections import defaultdict

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"(?:\.\.\.)?|<<|/\*.*?\*/|=>|<[^<>]*>|'
                   r'[][(){},]|[^][(){},"<>/=]+|.')
NUMBER = re.compile(r"-?(?:0x[0-9a-f]+|\d+)")
AUDITED = re.compile(r"(\d+)<[^<>]*> (?:\[compat\] )?(.*)")
RESUMED = re.compile(r"<\.\.\. (\w+) resumed>\)? ?(.*)")
UNFINISHED = "<unfinished ...>"
ROOT = "/tmp/root"      # of programs.sh


class Call:
    def __init__(self, name, args, result):
        self.name, self.args, self.result = name, args, result

    def __str__(self):
        return f"{self.name}({', '.join(self.args)}) = {self.result}"


def call_of(text):
    """Of name(argument, ...) = result, whose arguments may have all brackets."""
    name, _, rest = text.partition("(")
    args, arg, depth, size = [], "", 0, 0
    for token in TOKEN.findall(rest):
        size += len(token)
        if depth == 0 and token in ",)":
            args.append(arg.strip())
            arg = ""
            if token == ")":
                break
            continue
        depth += (token in "([{") - (token in ")]}")
        arg += token
    result = rest[size:].strip().removeprefix("= ")
    return Call(name, [arg for arg in args if arg], result)


def audited_threads(path):
    """The calls of each thread, and which threads were seen to begin."""
    threads, births = defaultdict(list), set()
    with open(path, encoding="ascii") as lines:
        for line in lines:
            tid, text = AUDITED.fullmatch(line.rstrip("\n")).groups()
            calls = threads[tid]
            if text.endswith(" (begins)"):
                births.add(tid)
                if calls:
                    sys.exit(f"{tid} begins twice: {text}")
                continue
            resumed = RESUMED.fullmatch(text)
            if not resumed:
                calls.append(call_of(text))
            elif resumed[2].startswith("= "):
                calls[-1].result = resumed[2].removeprefix("= ")
            else:
                calls[-1] = call_of(resumed[2])
    return threads, births


def straced_thread(path):
    calls = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            if line.startswith(("+++ ", "--- ")):
                continue
            call = call_of(line.rstrip("\n"))
            calls.append(call)
            if call.name == "write" and "/cgroup.procs>" in call.args[0]:
                calls = [call]  # only what comes from here on is audited
    return calls


def file_of(text):
    """Of a descriptor."""
    text = re.sub(r">\(deleted\)", " (deleted)>", text)
    match = re.match(r"(?:-?\d+|AT_FDCWD)<(.*)>", text)
    return match and match[1]


def same_file(audited, straced):
    if "--no-files" in sys.argv:
        return not file_of(audited)
    a, b = file_of(audited), file_of(straced)
    return a == b or a and b == ROOT + a.rstrip("/")


def number_of(text):
    text = re.sub(r"<(?!<).*", "", text)        # of a descriptor: its file
    if text == "NULL":
        return 0
    if not NUMBER.fullmatch(text):
        return None
    return int(text, 8) if re.fullmatch("0[0-7]+", text) else int(text, 0)


def same_number(a, b):
    """Some numbers have 32 bits, and one of both prints them with a sign."""
    return a == b or (a - b) % 2**32 == 0 and min(a, b) < 0


def address_of(text):
    """Of a socket: as the path, or as the address and the port."""
    return (re.findall(r'path=(@?"(?:[^"\\]|\\.)*")', text) or
            re.findall(r'(?:inet_addr\("|laddr=)([0-9.]+)', text) +
            re.findall(r"(?:htons\(|lport=)([0-9]+)", text))


def same_arg(audited, straced):
    if audited.startswith(('"', '["')):
        return audited == straced
    if audited.startswith("{ saddr_fam"):
        return address_of(audited) == address_of(straced)
    a, b = number_of(audited), number_of(straced)
    return (a is None or b is None or same_number(a, b)) and same_file(audited,
                                                                       straced)


def same_result(audited, straced):
    if straced == "?":
        return audited.startswith("?") or audited.endswith(UNFINISHED)
    if straced.startswith("-1 ") or straced.startswith("? "):
        return audited.split()[:2] == straced.split()[:2]
    a, b = number_of(audited), number_of(re.sub(r" [(\[].*", "", straced))
    return (a is not None and b is not None and same_number(a, b) and
            same_file(audited, straced))


def same_call(audited, straced):
    return (audited.name == straced.name and
            all(map(same_arg, audited.args,
                    straced.args[:5] if audited.name == "mmap2" else
                    straced.args)) and
            same_result(audited.result, straced.result))


def compare(tid, audited, straced):
    """How many calls are not the same."""
    differ = 0
    for number, (a, b) in enumerate(zip(audited, straced)):
        if same_call(a, b):
            continue
        print(f"{tid}, call {number}:\n  audited: {a}\n  straced: {b}")
        differ += 1
        if a.name != b.name:
            return differ       # what comes after it is in other places
    if len(audited) != len(straced):
        print(f"{tid}: {len(audited)} calls audited, {len(straced)} straced")
        differ += 1
    return differ


def main(audited_path, straced_prefix):
    audited, births = audited_threads(audited_path)
    folder, name = os.path.split(straced_prefix)
    straced = {file.removeprefix(name + "."): straced_thread(f"{folder}/{file}")
               for file in os.listdir(folder) if file.startswith(name + ".")}
    differ = sum(compare(tid, audited[tid], straced.get(tid, []))
                 for tid in sorted(set(audited) | set(straced)))
    if len(births) != len(straced) - 1:
        print(f"{len(births)} of {len(straced)} threads were seen to begin")
        differ += 1
    calls = sum(map(len, straced.values()))
    print(f"{calls} calls of {len(straced)} threads, {differ} differ")
    return bool(differ or not calls)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
