//! For tests: the gradient that every backend must give.

use super::Engine;
use crate::messages::Reply;
use unstamp_shared::gradient::gradient_probe;

impl Engine {
    pub(super) async fn gradient(
        &self,
        id: u32,
        teacher: &str,
        student: &str,
        images: usize,
    ) -> Result<Reply, String> {
        let (teacher, student) = (self.model(teacher)?, self.model(student)?);
        let ((_, teacher), (arch, student)) = (&teacher.weights, &student.weights);
        let found = gradient_probe(arch, teacher, student, images, &self.device).await;
        let found = found.map_err(|e| e.to_string())?;
        Ok(Reply::Gradient { id, loss: found.loss, parts: found.parts, gradients: found.norms })
    }
}
