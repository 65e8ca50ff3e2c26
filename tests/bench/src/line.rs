//! `unstamp-bench MODEL ours|flex`: reads `infer 64`, `train 128` or `gemm 1024` on standard
//! input and answers each with `{"ms": ..., "repeats": ...}`, the mean of one round; `checks 40`
//! compares kernels, `outputs 2` gives inputs, logits and features for other runtimes to reach.

use std::io::BufRead;
use std::time::Instant;
use unstamp_bench::contender::{Contender, LabelledBatch, images};
use unstamp_bench::{BenchError, checks, load};
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

fn answer(contender: &mut Contender, line: &str) -> Result<serde_json::Value, BenchError> {
    let (task, count) = line.trim().split_once(' ').ok_or(BenchError::NoCount)?;
    let count: usize = count.parse().map_err(|_| BenchError::Count(count.to_string()))?;
    Ok(match task {
        "infer" => {
            let batch = images(count, &burn::tensor::Device::flex());
            round(|| drop(pollster::block_on(contender.infer(&batch))))
        }
        "train" => {
            let batch = LabelledBatch::new(count);
            round(|| {
                pollster::block_on(contender.train(&batch));
            })
        }
        "gemm" => round(gemm(count)),
        "outputs" => pollster::block_on(contender.outputs(count))?,
        "checks" => {
            pollster::block_on(checks::kernels_agree(count))?;
            serde_json::json!({ "checked": count })
        }
        other => return Err(BenchError::Task(other.to_string())),
    })
}

/// Answers lines until there are none.
pub fn serve() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, model, kind] = &arguments[..] else {
        eprintln!("usage: unstamp-bench MODEL.safetensors ours|flex");
        std::process::exit(2);
    };
    let contender = std::fs::read(model)
        .map_err(BenchError::from)
        .and_then(|bytes| load(&bytes))
        .and_then(|(arch, arrays)| Contender::new(kind == "ours", &arch, &arrays));
    let mut contender = contender.unwrap_or_else(|e| {
        eprintln!("{model}: {e}");
        std::process::exit(1);
    });
    for line in std::io::stdin().lock().lines().map_while(Result::ok) {
        let reply = answer(&mut contender, &line);
        println!("{}", reply.unwrap_or_else(|e| serde_json::json!({ "error": e.to_string() })));
    }
}
