//! `unstamp-bench MODEL ours|flex` reads tasks on standard input. MODEL is a file, or the name of an architecture,
//! which then has random weights.
//!
//! `infer 64`, `train 128` and `gemm 1024` are answered with `{"ms": ..., "repeats": ...}`, the mean of one round;
//! `epoch 6400`, `nad 640` and `nba 640` with `{"ms": ...}` of a whole training on so many images; `memory 0` with
//! `{"mib": ...}`, the most memory that this process has used. `checks 40` compares kernels, `outputs 2` gives
//! inputs, logits and features for other runtimes to reach.

use std::io::BufRead;
use std::time::Instant;
use unstamp_bench::implementation::{Implementation, LabelledBatch, images};
use unstamp_bench::{BenchError, checks, erasure, load};
use unstamp_shared::model::Arch;
use unstamp_shared::model::weights::{self, Arrays};
use unstamp_shared::seed::Seed;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in `unstamp`

/// Seconds a round lasts at least, after one call that is not counted: a process that had to wait
/// for its turn has cold caches and has given memory back.
const ROUND: f64 = 1.0;

fn round(mut work: impl FnMut()) -> serde_json::Value {
    work();
    let start = Instant::now();
    let mut repeats = 0;
    while repeats == 0 || start.elapsed().as_secs_f64() < ROUND {
        work();
        repeats += 1;
    }
    serde_json::json!({ "ms": 1e3 * start.elapsed().as_secs_f64() / f64::from(repeats), "repeats": repeats })
}

/// A square product by the matrix library under Burn's CPU backend.
fn gemm(side: usize) -> impl FnMut() {
    use burn::tensor::{Device, Tensor, TensorData};
    let mut random = Seed(0).stream("gemm", &[]);
    let values: Vec<f32> = (0..side * side).map(|_| random.unit()).collect();
    let a = Tensor::<2>::from_data(TensorData::new(values, [side, side]), &Device::flex());
    move || drop(a.clone().matmul(a.clone()).into_data())
}

/// The most memory that this process has used, in MiB. Only Linux tells it.
fn peak_memory() -> Result<f64, BenchError> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = kib.and_then(|kib| kib.trim().trim_end_matches(" kB").parse::<f64>().ok());
    Ok(kib.ok_or(BenchError::NoMemory)? / 1024.0)
}

/// The architecture and weights of `model`.
fn network(model: &str) -> Result<(Arch, Arrays), BenchError> {
    if std::path::Path::new(model).exists() {
        return load(&std::fs::read(model)?);
    }
    let arch = Arch::new(model, 10);
    let fresh = arch.init(Seed(0), &burn::tensor::Device::flex())?;
    let arrays = pollster::block_on(weights::arrays(&fresh))?;
    Ok((arch, arrays))
}

fn answer(
    implementation: &mut Implementation,
    (arch, arrays): &(Arch, Arrays),
    line: &str,
) -> Result<serde_json::Value, BenchError> {
    let (task, count) = line.trim().split_once(' ').ok_or(BenchError::NoCount)?;
    let count: usize = count.parse().map_err(|_| BenchError::Count(count.to_string()))?;
    Ok(match task {
        "infer" => {
            let batch = images(count, &burn::tensor::Device::flex());
            round(|| drop(pollster::block_on(implementation.infer(&batch))))
        }
        "train" => {
            let batch = LabelledBatch::new(count);
            round(|| {
                pollster::block_on(implementation.train(&batch));
            })
        }
        "gemm" => round(gemm(count)),
        "outputs" => pollster::block_on(implementation.outputs(count))?,
        "checks" => {
            pollster::block_on(checks::kernels_agree(count))?;
            serde_json::json!({ "checked": count })
        }
        "memory" => serde_json::json!({ "mib": peak_memory()? }),
        training => {
            let ms = pollster::block_on(erasure::run(arch, arrays, training, count))?;
            serde_json::json!({ "ms": ms })
        }
    })
}

/// Answers lines until there are none.
pub fn serve() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, kind] = &arguments[..] else {
        eprintln!("usage: unstamp-bench MODEL.safetensors|ARCHITECTURE ours|flex");
        std::process::exit(2);
    };
    let network = network(model).and_then(|network| {
        let implementation = Implementation::new(kind == "ours", &network.0, &network.1)?;
        Ok((network, implementation))
    });
    let (network, mut implementation) = network.unwrap_or_else(|e| {
        eprintln!("{model}: {e}");
        std::process::exit(1);
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let reply = answer(&mut implementation, &network, &line);
        println!("{}", reply.unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() })));
    }
}
