"""Fine-tuning VGG16 with Keras; needs the extra ``[train]`` and is never imported by serving."""
