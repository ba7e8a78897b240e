# Sources of src/io.
libscppdm_a_SOURCES += src/io/h5.h src/io/h5.c src/io/h5_version.h src/io/h5_attr.c src/io/h5_text.h src/io/h5_text.c \
	src/io/h5_data.c src/io/h5_lzf.h src/io/h5_lzf.c src/io/h5_slab.h src/io/h5_slab.c src/io/h5_all.c \
	src/io/h5_heap.h src/io/h5_heap.c src/io/h5_number.h src/io/h5_number.c src/io/h5_chunk.h src/io/h5_chunk.c \
	src/io/h5_chunk_open.c
libscppdm_a_SOURCES += src/io/h5ad.h src/io/h5ad_field.h src/io/h5ad_field.c src/io/h5ad_frame.h \
	src/io/h5ad_frame.c src/io/h5ad_starts.h src/io/h5ad_starts.c src/io/h5ad_matrix.h src/io/h5ad_matrix.c src/io/h5ad_read.c src/io/h5ad_stream.h src/io/h5ad_stream.c src/io/h5ad_stream_impl.h \
	src/io/h5ad_stream_csr.c src/io/h5ad_stream_csc.c src/io/h5ad_stream_dense.c src/io/h5ad_entries.h src/io/h5ad_entries.c
libscppdm_a_SOURCES += src/io/inflate.h src/io/inflate.c src/io/deflate_code.h src/io/deflate_code.c src/io/deflate_words.h src/io/deflate_words.c \
	src/io/deflate_values.h src/io/deflate_values.c src/io/pack.h src/io/pack.c \
	src/io/h5_out.h src/io/h5_out.c src/io/h5ad_writer.h \
	src/io/h5ad_write.c src/io/h5ad_write_x.c src/io/h5ad_write_column.c src/io/h5ad_write_frame.c
libscppdm_a_SOURCES += src/io/gz.h src/io/gz.c src/io/gmt.h src/io/gmt.c
libscppdm_a_SOURCES += src/io/tsv.h src/io/tsv.c src/io/ckpt.h src/io/ckpt_impl.h src/io/ckpt_image.h src/io/ckpt_image.c src/io/ckpt_write.c src/io/ckpt_check.c src/io/ckpt_read.c \
	src/io/ckpt_dir.c src/io/ckpt_helper.h src/io/ckpt_helper.c src/io/h5_image.c \
	src/io/safetensors.h src/io/safetensors.c

libscppdm_a_SOURCES += src/io/dataset.h src/io/dataset.c src/io/shard.h src/io/shard_format.h src/io/shard_format.c \
	src/io/shard_write.c src/io/shard_read.c src/io/shard_seal.h src/io/shard_seal.c src/io/shard_check.h src/io/shard_check.c \
	src/io/rows_file.h src/io/rows_file.c src/io/part.h src/io/part.c src/io/run_lock.h src/io/run_lock.c
libscppdm_a_SOURCES += src/io/array_file.h src/io/array_file.c
libscppdm_a_SOURCES += src/io/h5_probe.h src/io/h5_probe.c src/io/h5_rehearse.h src/io/h5_rehearse.c src/io/h5_sound.h src/io/h5_sound.c
libscppdm_a_SOURCES += src/io/h5ad_info.h src/io/h5ad_info.c
libscppdm_a_SOURCES += src/io/csv.c src/io/csv.h
