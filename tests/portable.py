"""The notebooks on other processors and with other numbers of threads, emulated on this machine: a table of rows.

    python tests/portable.py            every processor, with 1, 2 and 4 threads
    python tests/portable.py --today    one processor other than this machine's, chosen by the day

OpenBLAS, numpy, torch's libraries, and the C library each run as on an older processor where an environment variable
says so. What they make of it is asked of them, and printed: a row for a processor with features that this machine lacks
runs as the nearest that this machine can be.
"""

import json
import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parent.parent
LIBRARIES = "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA", "MKL_ENABLE_INSTRUCTIONS", "GLIBC_TUNABLES"
AVX512 = "avx512", "AVX512_CORE", "AVX512", ""
AVX2 = "avx2", "AVX2", "AVX2", ""
AVX = "default", "AVX", "AVX", "glibc.cpu.hwcaps=-AVX2,-FMA"
SSE = "default", "SSE41", "SSE4_2", "glibc.cpu.hwcaps=-AVX,-AVX2,-FMA"
PROCESSORS = {  # OpenBLAS's name: which of numpy's dispatched features it lacks, and what the others take it for
    "SkylakeX": ("AVX512_.*", AVX512),
    "Zen": ("AVX512.*|X86_V4", AVX2),
    "Haswell": ("AVX512.*|X86_V4", AVX2),
    "Sandybridge": (".*", AVX),
    "Nehalem": (".*", SSE),
    "Prescott": (".*", SSE),
}
THREADS = 1, 2, 4
PROBE = """
import json
import helpers.lesson, scipy.linalg, threadpoolctl, torch
from numpy._core import _multiarray_umath as numpy
blas = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
print(json.dumps({
    "blas": sorted({pool.get("architecture") or "unknown" for pool in blas}),
    "threads": sorted({pool["num_threads"] for pool in blas}),
    "numpy": next((name for name in reversed(numpy.__cpu_dispatch__) if numpy.__cpu_features__.get(name)), "baseline"),
    "torch": torch.backends.cpu.get_cpu_capability()}))
"""


def numpy_lacks(pattern):
    """Those of numpy's dispatched features that this machine has and that fit the pattern of what a processor lacks."""
    from numpy._core import _multiarray_umath as built
    return [name for name in built.__cpu_dispatch__ if built.__cpu_features__.get(name) and re.fullmatch(pattern, name)]


def settings(processor, threads):
    """The environment variables that make this machine such a one; nothing asks torch for more than the machine has."""
    pattern, others = PROCESSORS[processor]
    lacks = numpy_lacks(pattern)
    return {"OPENBLAS_CORETYPE": processor, "COURSE_THREADS": str(threads), "OMP_NUM_THREADS": str(threads),
            "NPY_DISABLE_CPU_FEATURES": " ".join(lacks), **(dict(zip(LIBRARIES, others, strict=True)) if lacks else {})}


def python(*arguments, **variables):
    """A run of Python at the root, with environment variables of its own."""
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=os.environ | variables, check=False,
                          capture_output=True, encoding="utf-8")


def libraries(**variables):
    """What OpenBLAS (numpy's and scipy's), numpy and torch take this machine for, and the threads of OpenBLAS."""
    return json.loads(python("-c", PROBE, **variables).stdout)


def words(seen):
    """The same in words."""
    blas, threads = "/".join(seen["blas"]), "/".join(map(str, seen["threads"]))
    return f"OpenBLAS {blas}, numpy {seen['numpy']}, torch {seen['torch']}, {threads} threads"


def row(processor, threads, own):
    """Runs the notebooks as on a processor and prints what came of it; whether they are green."""
    variables = settings(processor, threads)
    seen = libraries(**variables)
    lacking = " (what this machine has)" if seen["blas"] == own["blas"] and processor not in own["blas"] else ""
    run = python("-m", "pytest", "-q", "-n", str(os.cpu_count()), "-k", "not again", "notebooks", **variables)
    green = run.returncode == 0
    red = re.findall(r"^(?:FAILED|ERROR) notebooks/(\S+)\.ipynb(?:::(Cell \d+))?", run.stdout, re.MULTILINE)
    cells = "; ".join(f"{lesson} {cell}".strip() for lesson, cell in red)
    told = "green" if green else cells or f"{run.stdout}{run.stderr}".strip().splitlines()[-1]
    print(f"{'✓' if green else '✗'} {processor:<12} × {threads}   {words(seen) + lacking:<70} {told}", flush=True)
    if not green:
        print("    again:", *(f"{name}='{value}'" for name, value in variables.items()), "pytest notebooks", flush=True)
    return green


def of_the_day(own, day):
    """A processor that this machine is not, another one every day."""
    others = [name for name in PROCESSORS if name not in own["blas"]]
    return others[day.toordinal() % len(others)]


if __name__ == "__main__":
    own = libraries()
    print(f"  this machine       {words(own)}", flush=True)
    if sys.argv[1:] == ["--today"]:
        processor = of_the_day(own, date.today())
        print(f"Today the notebooks run as on {processor}.", flush=True)
        rows = [(processor, 1)]
    else:
        rows = [(processor, threads) for threads in THREADS for processor in PROCESSORS]
    green = [row(*each, own) for each in rows]
    sys.exit(not all(green))
