//! Files of weights with every number format and fault.

use super::*;

fn array(values: &[f32]) -> Array {
    Array { shape: vec![values.len()], values: values.to_vec() }
}

fn arrays(pairs: &[(&str, &[f32])]) -> Arrays {
    pairs.iter().map(|(name, values)| (name.to_string(), array(values))).collect()
}

/// A file without metadata that holds one array of two numbers.
fn file(name: &str, dtype: Dtype, bytes: &[u8]) -> Vec<u8> {
    let view = TensorView::new(dtype, vec![2], bytes).expect("two numbers");
    serialize([(name, view)], None).expect("a sound view")
}

#[test]
fn weights_and_metadata_are_read_back() {
    let metadata = Metadata { arch: "wrn-16-1".into(), seed: 7, ..Metadata::default() };
    let all = arrays(&[("a", &[1.0, -0.1, f32::MIN_POSITIVE]), ("b", &[])]);
    let bytes = to_bytes(&all, Precision::F32, &metadata);
    let read = from_bytes::<Metadata>(&bytes).expect("readable");
    assert_eq!(read, (all.clone(), Some(metadata.clone())));
    assert_eq!(to_bytes(&all, Precision::F32, &metadata), bytes, "the same bytes");
}

/// f16 has 11 significant bits.
#[test]
fn half_precision_rounds() {
    let bytes = to_bytes(&arrays(&[("a", &[0.1, 2049.0])]), Precision::F16, &());
    let (read, _) = from_bytes::<()>(&bytes).expect("readable");
    assert_eq!(read["a"].values, [f16::from_f32(0.1).to_f32(), 2048.0]);
}

#[test]
fn every_format_of_floating_point_numbers_is_read() {
    let two = [0.5f32, -2.0];
    let f64s: Vec<u8> = two.iter().flat_map(|v| f64::from(*v).to_le_bytes()).collect();
    let f32s: Vec<u8> = two.iter().flat_map(|v: &f32| v.to_le_bytes()).collect();
    let f16s: Vec<u8> = two.iter().flat_map(|v| f16::from_f32(*v).to_le_bytes()).collect();
    let bf16s: Vec<u8> = two.iter().flat_map(|v| bf16::from_f32(*v).to_le_bytes()).collect();
    let cases = [(Dtype::F64, f64s), (Dtype::F32, f32s), (Dtype::F16, f16s), (Dtype::BF16, bf16s)];
    for (dtype, bytes) in cases {
        let (read, metadata) = from_bytes::<Metadata>(&file("a", dtype, &bytes)).expect("readable");
        assert_eq!(read, arrays(&[("a", &two)]), "{dtype:?}");
        assert_eq!(metadata, None);
    }
}

#[test]
fn whole_numbers_are_refused_except_the_count_of_batches() {
    let counter = file("bn1.num_batches_tracked", Dtype::I64, &[0; 16]);
    assert_eq!(from_bytes::<()>(&counter).expect("readable").0, Arrays::new());
    let error = from_bytes::<()>(&file("a", Dtype::I64, &[0; 16])).expect_err("whole numbers");
    assert!(
        matches!(error, WeightsError::Dtype { name, dtype } if (&name[..], &dtype[..]) == ("a", "I64"))
    );
}

#[test]
fn bytes_of_another_form_are_refused() {
    let sound = to_bytes(&arrays(&[("a", &[1.0])]), Precision::F32, &"text");
    let no_metadata = from_bytes::<Metadata>(&sound);
    assert!(matches!(no_metadata, Err(WeightsError::Format(_))), "the metadata are a text");
    for bytes in [&[][..], b"no file", &sound[..sound.len() - 1]] {
        assert!(matches!(from_bytes::<()>(bytes), Err(WeightsError::Format(_))));
    }
}

#[test]
fn a_reader_names_the_array_that_does_not_fit() {
    let all = arrays(&[("a", &[1.0, 2.0]), ("b", &[f32::NAN]), ("x.num_batches_tracked", &[1.0])]);
    let mut reader = ArrayReader::from(&all);
    assert_eq!(reader.take("a".into(), &[2]).expect("it fits").values, [1.0, 2.0]);
    let fault = |reader: &mut ArrayReader, name: &str, shape: &[usize]| {
        reader.take(name.into(), shape).expect_err("it does not fit").to_string()
    };
    assert!(fault(&mut reader, "c", &[1]).starts_with("the file holds no weights called 'c'"));
    let shape = fault(&mut reader, "a", &[1, 2]);
    assert_eq!(shape, "'a' has shape [2], the architecture needs [1, 2]");
    assert_eq!(fault(&mut reader, "b", &[1]), "'b' holds a value that is not finite");
    // `b` was not used, because it did not fit.
    assert!(matches!(reader.end(), Err(WeightsError::Extra(name)) if name == "b"));
}
