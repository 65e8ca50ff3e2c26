//! The CPU kernels against Burn's own operations, over shapes; the browser runs the same checks.

#[test]
fn kernels_agree_with_burn() {
    pollster::block_on(unstamp_bench::checks::kernels_agree(60)).unwrap();
}
