//! Choosing a device at run time.

use anyhow::{Result, bail};
use burn::tensor::Device;
use burn::tensor::wgpu::WgpuInitError;

/// Names `--device` takes.
pub const NAMES: [&str; 5] = ["auto", "cpu", "wgpu", "vulkan", "cuda"];

/// A device and what it is, for results.
pub struct ChosenDevice {
    /// The device as Burn knows it.
    pub device: Device,
    /// Its name in words, for results.
    pub name: String,
}

fn cpu() -> ChosenDevice {
    let name = format!("cpu ({} threads)", rayon::current_num_threads());
    ChosenDevice { device: Device::flex(), name }
}

fn wgpu() -> Result<ChosenDevice, WgpuInitError> {
    let device = pollster::block_on(Device::wgpu_options().init_async())?;
    Ok(ChosenDevice { device, name: "wgpu".to_string() })
}

/// The device called `name`. `auto` is the CPU: for networks of this size its kernels beat most
/// integrated GPUs, and only there a run repeats to the bit.
pub fn choose(name: &str) -> Result<ChosenDevice> {
    match name {
        "auto" | "cpu" => Ok(cpu()),
        "wgpu" => wgpu().or_else(|e| {
            bail!("no GPU could be used ({e}); use --device cpu, or install a Vulkan driver")
        }),
        #[cfg(feature = "vulkan")]
        "vulkan" => {
            Ok(ChosenDevice { device: Device::vulkan(Default::default()), name: name.to_string() })
        }
        #[cfg(feature = "cuda")]
        "cuda" => Ok(ChosenDevice { device: Device::cuda(0), name: name.to_string() }),
        other => bail!(
            "this build has no {other}; build it with: cargo build --release -p unstamp-trainer --features {other}"
        ),
    }
}
