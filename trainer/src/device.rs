//! Choosing a device at run time.

use anyhow::{Result, bail};
use burn::tensor::Device;
use burn::tensor::wgpu::WgpuInitError;
use clap::ValueEnum;
use clap::builder::PossibleValue;

/// The values of `--device`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum DeviceKind {
    /// The same as cpu
    Auto,
    /// The processor
    Cpu,
    /// A graphics card through WebGPU
    Wgpu,
    /// A graphics card through Vulkan; a feature of the build
    Vulkan,
    /// An NVIDIA card; a feature of the build
    Cuda,
}

/// The name on the command line.
impl std::fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let value = self.to_possible_value();
        f.write_str(value.as_ref().map_or("", PossibleValue::get_name))
    }
}

/// A device and what it is, for results.
pub struct ChosenDevice {
    /// Burn's device.
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

/// A device. The drivers of these kinds panic where they find no card, some of them only when something is computed; so a
/// sum is computed.
///
/// # Errors
///
/// The driver panicked, or the sum could not be read.
#[cfg(any(feature = "vulkan", feature = "cuda"))]
fn started(
    kind: DeviceKind,
    make: impl FnOnce() -> Device + std::panic::UnwindSafe,
) -> Result<ChosenDevice> {
    let hook = std::panic::take_hook();
    // The sentence below says it.
    std::panic::set_hook(Box::new(|_| {}));
    let started = std::panic::catch_unwind(|| {
        let device = make();
        let ones = burn::tensor::Tensor::<1>::ones([2], &device);
        pollster::block_on(ones.sum().into_data_async()).map(|_| device)
    });
    std::panic::set_hook(hook);
    match started {
        Ok(Ok(device)) => Ok(ChosenDevice { device, name: kind.to_string() }),
        _ => bail!(
            "no card could be used with {kind}; use --device cpu, or install the driver of the card"
        ),
    }
}

/// The device of a kind. `auto` is the CPU: for networks of this size its kernels beat most
/// integrated GPUs, and only there a run repeats to the bit.
///
/// # Errors
///
/// The build does not have this kind, or WebGPU finds no adapter.
pub fn choose(kind: DeviceKind) -> Result<ChosenDevice> {
    let device = of_kind(kind)?;
    log::debug!("device: {}", device.name);
    Ok(device)
}

fn of_kind(kind: DeviceKind) -> Result<ChosenDevice> {
    match kind {
        DeviceKind::Auto | DeviceKind::Cpu => Ok(cpu()),
        DeviceKind::Wgpu => wgpu().or_else(|e| {
            bail!("no GPU could be used ({e}); use --device cpu, or install a Vulkan driver")
        }),
        #[cfg(feature = "vulkan")]
        DeviceKind::Vulkan => started(kind, || Device::vulkan(Default::default())),
        #[cfg(feature = "cuda")]
        DeviceKind::Cuda => started(kind, || Device::cuda(0)),
        #[cfg(not(all(feature = "vulkan", feature = "cuda")))]
        other => bail!(
            "this build has no {other}; build it with: cargo build --release -p unstamp-trainer --features {other}"
        ),
    }
}
