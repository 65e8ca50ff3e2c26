//! The division of a batch into pieces, for both algorithms.

use super::Gradients;
use crate::buffer::Buffer;
use crate::fused::{Fused, InputAffine};
use crate::geometry::Geometry;
use crate::norm::{Normalised, add_sums};
use crate::par;
use std::mem::MaybeUninit;
use std::ops::Range;

/// Tasks of a weight gradient, whose sums are added. It is fixed, so that the order of additions does not depend
/// on the number of threads.
const TASKS: usize = 8;

/// A map of images to images: a convolution, or the gradient of its input.
///
/// # Safety
/// [`ImageStep::run`] writes every number of `out`.
pub unsafe trait ImageStep: Sync {
    /// Most images that are computed together, at least 1.
    fn together(&self) -> usize;

    /// Computes `images` of the batch `x`, at most [`ImageStep::together`]. `out` holds their outputs; every number of
    /// it is written. The gradient of an input has nothing fused.
    fn run(&self, images: Range<usize>, x: &[f32], fused: Fused, out: &mut [MaybeUninit<f32>]);
}

/// The gradient of a convolution's kernels, as a sum over images.
pub trait KernelGradientStep: Sync {
    /// Most images that are computed together, at least 1.
    fn together(&self) -> usize;

    /// Numbers of a sum.
    fn size(&self) -> usize;

    /// Computes `images` of `batch`, which is `x` and `dy`, at least one and at most [`KernelGradientStep::together`],
    /// and adds their gradient to `sum`. If they are `first`, the gradient replaces what `sum` held.
    fn add(
        &self,
        images: Range<usize>,
        batch: [&[f32]; 2],
        prologue: Option<InputAffine>,
        sum: &mut [f32],
        first: bool,
    );

    /// The gradient `[cout, cin, k, k]` of a sum.
    fn finish(&self, sum: &[f32]) -> Vec<f32>;
}

/// Numbers that have been written.
///
/// # Safety
/// Every number has been written.
unsafe fn written(values: &[MaybeUninit<f32>]) -> &[f32] {
    // SAFETY: the caller's promise; the types have the same layout.
    unsafe { &*(std::ptr::from_ref(values) as *const [f32]) }
}

/// All outputs of a step of geometry `g`, and what `look` returns for the outputs of each piece, in order.
pub fn outputs<S: ImageStep, T: Default + Send>(
    g: Geometry,
    step: &S,
    x: &[f32],
    fused: Fused,
    look: impl Fn(&[f32]) -> T + Sync,
) -> (Vec<f32>, Vec<T>) {
    let size = g.out_size();
    let images = step.together();
    let work = |piece: usize, out: &mut [MaybeUninit<f32>]| {
        let first = piece * images;
        step.run(first..first + out.len() / size, x, fused, out);
        // SAFETY: the step has written every number.
        look(unsafe { written(out) })
    };
    // SAFETY: the step writes every number.
    unsafe { par::build(g.n * size, images * size, work) }
}

/// Images of a task of a batch of `n`.
fn task_images(n: usize) -> usize {
    n.div_ceil(TASKS).max(1)
}

/// Numbers of a sum that are added together.
const CHUNK: usize = 1 << 14;

/// The sum of the tasks' sums, in order.
fn added(size: usize, sums: &[f32]) -> Vec<f32> {
    let mut all = vec![0.0; size];
    par::for_each_chunk(&mut all, CHUNK, |chunk, all| {
        for sum in sums.chunks_exact(size) {
            all.iter_mut().zip(&sum[chunk * CHUNK..]).for_each(|(all, sum)| *all += sum);
        }
    });
    all
}

/// The gradient of the kernels.
pub fn kernel_gradient<K: KernelGradientStep>(
    g: Geometry,
    step: &K,
    x: &[f32],
    dy: &[f32],
    prologue: Option<InputAffine>,
) -> Vec<f32> {
    let images = task_images(g.n);
    let size = step.size();
    let mut sums = Buffer::new(g.n.div_ceil(images) * size);
    par::for_each_chunk(&mut sums, size, |task, sum| {
        let first = task * images;
        for piece in pieces(first..(first + images).min(g.n), step.together()) {
            let is_first = piece.start == first;
            step.add(piece, [x, dy], prologue, sum, is_first);
        }
    });
    step.finish(&added(size, &sums))
}

/// The images in pieces of at most `length`.
fn pieces(images: Range<usize>, length: usize) -> impl Iterator<Item = Range<usize>> {
    let end = images.end;
    images.step_by(length).map(move |first| first..(first + length).min(end))
}

/// All gradients of a convolution of a normalised batch.
pub fn gradients<I: ImageStep, K: KernelGradientStep>(
    g: Geometry,
    input: &I,
    kernels: &K,
    x: &[f32],
    dy: &[f32],
    norm: Normalised,
) -> Gradients {
    let size = g.in_size();
    let together = input.together().max(kernels.together());
    let images = task_images(g.n);
    let mut kernel_sums = Buffer::new(g.n.div_ceil(images) * kernels.size());
    let work = |(task, kernel_sum): (usize, &mut [f32]), dx: &mut [MaybeUninit<f32>]| {
        let first = task * images;
        let mut sums = vec![[0.0; 2]; norm.channels];
        for piece in pieces(first..first + dx.len() / size, together) {
            let dx = &mut dx[(piece.start - first) * size..(piece.end - first) * size];
            for images in pieces(piece.clone(), kernels.together()) {
                let is_first = images.start == first;
                kernels.add(images, [x, dy], Some(norm.affine), kernel_sum, is_first);
            }
            for (images, dx) in
                pieces(piece.clone(), input.together()).zip(dx.chunks_mut(input.together() * size))
            {
                input.run(images, dy, Fused::default(), dx);
            }
            // SAFETY: the step has written every number.
            let dx = unsafe { written(dx) };
            norm.add_gradient_sums(&x[piece.start * size..piece.end * size], dx, &mut sums);
        }
        sums
    };
    let tasks = kernel_sums.chunks_mut(kernels.size()).enumerate();
    // SAFETY: the step writes every number, and a slice has as many chunks as it says.
    let (dx, parts) = unsafe { par::build_with(g.n * size, images * size, tasks, work) };
    let mut sums = vec![[0.0; 2]; norm.channels];
    for part in &parts {
        add_sums(&mut sums, part);
    }
    let weight = kernels.finish(&added(kernels.size(), &kernel_sums));
    Gradients { input: dx, weight, sums }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_cover_the_images_and_the_last_may_be_short() {
        assert_eq!(pieces(3..10, 3).collect::<Vec<_>>(), [3..6, 6..9, 9..10]);
        assert_eq!(pieces(3..3, 3).count(), 0);
        assert_eq!([0, 1, 8, 9, 17].map(task_images), [1, 1, 1, 2, 3]);
    }

    #[test]
    fn sums_of_several_chunks_are_added_number_by_number() {
        let size = CHUNK + 3;
        let sums: Vec<f32> = (0..3 * size).map(|i| (i % size + i / size) as f32).collect();
        // Task t adds t to the index, so the sum of three tasks is 3 * index + 3.
        let expected: Vec<f32> = (0..size).map(|i| (3 * i + 3) as f32).collect();
        assert_eq!(added(size, &sums), expected);
    }
}
