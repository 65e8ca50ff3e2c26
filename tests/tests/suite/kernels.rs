//! The CPU kernels against Burn's own operations, over shapes; the browser runs the same checks.

#[test]
fn kernels_agree_with_burn() {
    let checked = pollster::block_on(unstamp_bench::checks::kernels_agree(60));
    checked.expect("the kernels agree");
}
