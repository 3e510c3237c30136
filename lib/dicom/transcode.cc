/* Objects in another transfer syntax, with the same pixels and the same UIDs (PS3.5 section 10 and annex A). */
#include "lib/dicom/change.h"
#include "lib/dicom/image.h"
#include "lib/dicom/pixel_frame.h"

#include "dcmtk/dcmdata/dcostrma.h"
#include "dcmtk/dcmdata/dcwcache.h"

#include <cstdlib>
#include <cstring>

#include "lib/base/file.h"
extern "C" {
#include "lib/dicom/source.h"
}
#include "lib/dicom/structure.h"
#include "lib/dicom/syntax.h"

namespace
{
enum : Uint32 { LENGTH_UNDEFINED = 0xffffffff, LENGTH_MAX = 0xfffffffe };
const size_t CHUNK = 1 << 16;

/* ---- what can be at all ------------------------------------------------------------------------------------------------- */

struct kind {
	const char *uid;
	bool is_lossless, is_made; /* what it holds, and whether we write it */
};

const kind kinds[] = {
    {UID_LittleEndianImplicitTransferSyntax, true, true},
    {UID_LittleEndianExplicitTransferSyntax, true, true},
    {UID_BigEndianExplicitTransferSyntax, true, false},
    {UID_DeflatedExplicitVRLittleEndianTransferSyntax, true, false},
    {UID_JPEGProcess1TransferSyntax, false, false},
    {UID_JPEGProcess2_4TransferSyntax, false, false},
    {UID_JPEGProcess14TransferSyntax, true, false},
    {UID_JPEGProcess14SV1TransferSyntax, true, true},
    {UID_JPEGLSLosslessTransferSyntax, true, true},
    {UID_JPEGLSLossyTransferSyntax, false, false},
    {UID_JPEG2000LosslessOnlyTransferSyntax, true, true},
    {UID_JPEG2000TransferSyntax, false, false},
    {UID_RLELosslessTransferSyntax, true, false},
    {"1.2.840.10008.1.2.4.201", true, false}, /* HTJ2K */
    {"1.2.840.10008.1.2.4.202", true, false},
    {"1.2.840.10008.1.2.4.203", false, false},
};

const kind *find_kind(const char *uid)
{
	for (const kind &one : kinds)
		if (std::strcmp(one.uid, uid) == 0)
			return &one;
	return nullptr;
}

/* ---- writing -------------------------------------------------------------------------------------------------------------- */

/* The new file, never longer than it may be. */
class Writer
{
      public:
	Writer(int fd, uint64_t most) : fd_(fd), most_(most)
	{
	}
	bool put(const void *bytes, size_t length, struct err *err)
	{
		if (length > most_ - done_)
			return err_set(err, ERR_NO_SPACE, "could not transcode: too little room for a temporary file");
		done_ += length;
		return file_write_all(fd_, bytes, length, err);
	}
	bool put_number(uint32_t value, size_t width, struct err *err)
	{
		const unsigned char bytes[] = {
		    static_cast<unsigned char>(value), static_cast<unsigned char>(value >> 8),
		    static_cast<unsigned char>(value >> 16), static_cast<unsigned char>(value >> 24)};

		return put(bytes, width, err);
	}
	bool put_tag(const DcmTagKey &tag, struct err *err)
	{
		return put_number(tag.getGroup(), 2, err) && put_number(tag.getElement(), 2, err);
	}
	bool put_dataset(DcmDataset &dataset, E_TransferSyntax syntax, struct err *err);
	uint64_t done() const
	{
		return done_;
	}

      private:
	int fd_;
	uint64_t most_, done_ = 0;
};

/* DCMTK's way of writing, into ours. */
class Consumer : public DcmConsumer
{
      public:
	Consumer(Writer &writer, struct err *err) : writer_(writer), err_(err)
	{
	}
	OFBool good() const override
	{
		return ok_;
	}
	OFCondition status() const override
	{
		return ok_ ? EC_Normal : EC_InvalidStream;
	}
	OFBool isFlushed() const override
	{
		return waiting_.empty();
	}
	offile_off_t avail() const override
	{
		return INT32_MAX;
	}
	offile_off_t write(const void *bytes, offile_off_t length) override
	{
		waiting_.append(static_cast<const char *>(bytes), static_cast<size_t>(length));
		if (waiting_.size() >= CHUNK)
			flush();
		return ok_ ? length : 0;
	}
	void flush() override
	{
		ok_ = ok_ && writer_.put(waiting_.data(), waiting_.size(), err_);
		waiting_.clear();
	}

      private:
	Writer &writer_;
	struct err *err_; /* set when it is not good */
	std::string waiting_;
	bool ok_ = true;
};

class Stream : public DcmOutputStream
{
      public:
	explicit Stream(DcmConsumer *consumer) : DcmOutputStream(consumer)
	{
	}
};

bool Writer::put_dataset(DcmDataset &dataset, E_TransferSyntax syntax, struct err *err)
{
	Consumer consumer(*this, err);
	Stream stream(&consumer);
	DcmWriteCache cache;
	OFCondition cond;

	dataset.transferInit();
	cond = dataset.write(stream, syntax, EET_UndefinedLength, &cache, EGL_recalcGL, EPD_noChange);
	dataset.transferEnd();
	consumer.flush();
	if (!consumer.good())
		return false;
	return cond.good() || dicom_err_condition(err, ERR_INVALID, "cannot write the dataset anew", cond);
}

bool put_meta(Writer &writer, DcmDataset &dataset, const char *syntax, struct err *err)
{
	OFString sop_class, sop_instance;
	uint8_t *bytes;
	size_t length;
	bool ok;

	(void)dataset.findAndGetOFString(DCM_SOPClassUID, sop_class);
	(void)dataset.findAndGetOFString(DCM_SOPInstanceUID, sop_instance);
	if (!dicom_meta_header(sop_class.c_str(), sop_instance.c_str(), syntax, nullptr, &bytes, &length, err))
		return false;
	ok = writer.put(bytes, length, err);
	std::free(bytes);
	return ok;
}

/* ---- pixels ------------------------------------------------------------------------------------------------------------------ */

/* An image on its way, frame by frame. */
class Transcoder
{
      public:
	Transcoder(DcmDataset &dataset, E_TransferSyntax from, const DcmXfer &to, Writer &writer)
	    : dataset_(dataset), reader_(dataset, from), to_(to), writer_(writer)
	{
	}
	bool run(struct err *err);

      private:
	DcmDataset &dataset_;
	PixelReader reader_;
	const DcmXfer &to_;
	Writer &writer_;
	std::vector<Uint8> frame_;
	std::vector<std::vector<Uint8>> fragments_; /* of the frame, when it is coded */
	pixel_shape shape_;                         /* of the first */
	std::unique_ptr<DcmElement> pixels_;        /* taken out of the dataset */
	DcmDataset tail_;

	bool next(size_t frame, struct err *err);
	bool put_head(struct err *err);
	bool put_frame(struct err *err);
	bool put_end(struct err *err);
	void split_tail();
};

bool Transcoder::next(size_t frame, struct err *err)
{
	pixel_shape shape;

	if (!reader_.read(frame, &frame_, &shape, err) ||
	    (is_encapsulated(to_) && !pixel_frame_encode(to_.getXfer(), frame_, &shape, &fragments_, err)))
		return false;
	if (shape_ && !pixel_shape_is_same(*shape_, *shape))
		return err_set(err, ERR_REFUSED, "cannot transcode: the frames are of different kinds");
	if (!shape_)
		shape_ = std::move(shape);
	return true;
}

/* What stands behind the pixels in the order of tags. */
void Transcoder::split_tail()
{
	for (unsigned long i = dataset_.card(); i > 0 && dataset_.getElement(i - 1)->getTag() > DCM_PixelData; i--)
		(void)tail_.insert(dataset_.remove(i - 1), OFTrue);
}

bool Transcoder::put_head(struct err *err)
{
	E_TransferSyntax plain = is_encapsulated(to_) ? EXS_LittleEndianExplicit : to_.getXfer();
	uint64_t total = uint64_t{frame_.size()} * reader_.frames();
	bool is_wide = frame_.size() > 0 && shape_ && [this] {
		Uint16 bits = 0;

		return shape_->findAndGetUint16(DCM_BitsAllocated, bits).good() && bits > 8;
	}();

	if (!is_encapsulated(to_) && total > LENGTH_MAX - 1)
		return err_set(err, ERR_REFUSED, "cannot transcode: the pixels are too many");
	split_tail();
	pixels_.reset(dataset_.remove(DCM_PixelData));
	/* Pixels in sequences: icons. */
	if (!pixel_shape_apply(*shape_, dataset_) || dataset_.chooseRepresentation(plain, nullptr).bad())
		return err_set(err, ERR_REFUSED, "cannot transcode a picture inside of the object");
	if (!put_meta(writer_, dataset_, to_.getXferID(), err) || !writer_.put_dataset(dataset_, plain, err) ||
	    !writer_.put_tag(DCM_PixelData, err))
		return false;
	if (to_.isExplicitVR() &&
	    (!writer_.put(is_wide && !is_encapsulated(to_) ? "OW" : "OB", 2, err) || !writer_.put_number(0, 2, err)))
		return false;
	if (!is_encapsulated(to_))
		return writer_.put_number(static_cast<Uint32>(total + total % 2), 4, err);
	/* An empty table of offsets. */
	return writer_.put_number(LENGTH_UNDEFINED, 4, err) && writer_.put_tag(DCM_Item, err) &&
	       writer_.put_number(0, 4, err);
}

bool Transcoder::put_frame(struct err *err)
{
	if (!is_encapsulated(to_))
		return writer_.put(frame_.data(), frame_.size(), err);
	for (const std::vector<Uint8> &fragment : fragments_)
		if (!writer_.put_tag(DCM_Item, err) ||
		    !writer_.put_number(static_cast<Uint32>(fragment.size()), 4, err) ||
		    !writer_.put(fragment.data(), fragment.size(), err))
			return false;
	return true;
}

bool Transcoder::put_end(struct err *err)
{
	E_TransferSyntax plain = is_encapsulated(to_) ? EXS_LittleEndianExplicit : to_.getXfer();
	bool is_odd = (frame_.size() & reader_.frames() & 1) != 0;

	if (is_encapsulated(to_) &&
	    (!writer_.put_tag(DCM_SequenceDelimitationItem, err) || !writer_.put_number(0, 4, err)))
		return false;
	if (!is_encapsulated(to_) && is_odd && !writer_.put("", 1, err))
		return false;
	return tail_.card() == 0 || writer_.put_dataset(tail_, plain, err);
}

bool Transcoder::run(struct err *err)
{
	if (!reader_.open(err))
		return false;
	for (size_t frame = 0; frame < reader_.frames(); frame++)
		if (!next(frame, err) || (frame == 0 && !put_head(err)) || !put_frame(err))
			return false;
	return put_end(err);
}

/* ---- objects -------------------------------------------------------------------------------------------------------------------- */

/* A signature is over the bytes of values in one coding (PS3.15 section C.1.1); whoever checks it may not get there from another. */
bool is_signed(DcmDataset &dataset)
{
	return dataset.tagExists(DCM_DigitalSignaturesSequence, OFTrue) ||
	       dataset.tagExists(DCM_MACParametersSequence, OFTrue);
}

struct target {
	const char *syntax;
	const struct dicom_change *changes;
	size_t count;
	const char *charset;
};

bool write_anew(struct image_file &image, const char *to_syntax, Writer &writer, struct err *err)
{
	DcmDataset &dataset = image.dataset();
	DcmXfer to(to_syntax);

	/* Without pixels there is nothing that is coded. */
	if (is_encapsulated(to) || (is_encapsulated(DcmXfer(image.as)) && dataset.tagExists(DCM_PixelData)))
		return Transcoder(dataset, image.as, to, writer).run(err);
	if (!dataset.canWriteXfer(to.getXfer(), image.as))
		return err_set(err, ERR_REFUSED, "cannot transcode from %s to %s", image.syntax.c_str(), to_syntax);
	return put_meta(writer, dataset, to_syntax, err) && writer.put_dataset(dataset, to.getXfer(), err);
}

bool transcode(const char *path, const struct target &to, Writer &writer, struct err *err)
{
	struct image_file image;
	bool differs = false;

	if (!image_load(path, &image, err))
		return false;
	if (!image.is_understood || !dicom_can_transcode(image.syntax.c_str(), to.syntax))
		return err_set(err, ERR_REFUSED, "cannot transcode from %s to %s", image.syntax.c_str(), to.syntax);
	if (is_signed(image.dataset()))
		return err_set(err, ERR_REFUSED, "cannot transcode: the object is signed");
	if (!change_apply(image.dataset(), to.changes, to.count, to.charset, &differs, err))
		return false;
	/* Only dicom_rewrite() is content with what is there already. */
	if (to.changes != nullptr && !differs && image.syntax == to.syntax)
		return true;
	return write_anew(image, to.syntax, writer, err);
}

/* Inflated, the dataset is one in explicit VR little endian already (PS3.5 section A.5). */
bool inflate(const char *path, Writer &writer, struct err *err)
{
	std::vector<char> piece(CHUNK);
	struct dicom_fields fields;
	char syntax[DICOM_UID_SIZE];
	struct source *raw;
	uint8_t *head;
	size_t length;
	bool ok;

	if (!dicom_read_fields(path, &fields, err) || !structure_open_dataset(path, &raw, syntax, err))
		return false;
	std::unique_ptr<struct source, void (*)(struct source *)> dataset(raw, source_close);
	source_inflate(raw);
	if (!dicom_meta_header(fields.sop_class_uid, fields.sop_instance_uid, UID_LittleEndianExplicitTransferSyntax,
	                       nullptr, &head, &length, err))
		return false;
	ok = writer.put(head, length, err);
	std::free(head);
	do {
		ok = ok && source_read_some(raw, piece.data(), piece.size(), &length, err) &&
		     writer.put(piece.data(), length, err);
	} while (ok && length > 0);
	return ok;
}

bool is_deflated(const char *path, bool *out, struct err *err)
{
	char syntax[DICOM_UID_SIZE];
	struct source *source;

	if (!structure_open_dataset(path, &source, syntax, err))
		return false;
	source_close(source);
	*out = syntax_of(syntax)->is_deflated;
	return true;
}
} // namespace

extern "C" bool dicom_is_uncompressed(const char *transfer_syntax_uid)
{
	const struct syntax *syntax = syntax_find(transfer_syntax_uid);

	return syntax != nullptr && syntax->pixels == SYNTAX_NATIVE;
}

extern "C" bool dicom_can_transcode(const char *from, const char *to)
{
	const kind *source = find_kind(from), *target = find_kind(to);

	return source != nullptr && target != nullptr && target->is_made &&
	       (source->is_lossless || dicom_is_uncompressed(to));
}

extern "C" bool dicom_transcode(const char *path, const char *to_syntax, int out_fd, uint64_t bytes_max,
                                uint64_t *out_size, struct err *err)
{
	return dicom_guard(err, [&] {
		Writer writer(out_fd, bytes_max);
		struct target to = {to_syntax, nullptr, 0, ""};
		bool must_inflate = false, is_explicit = std::strcmp(to_syntax, DICOM_EXPLICIT) == 0;

		if (!is_deflated(path, &must_inflate, err) ||
		    !(must_inflate && is_explicit ? inflate(path, writer, err) : transcode(path, to, writer, err)))
			return false;
		*out_size = writer.done();
		return true;
	});
}

extern "C" bool dicom_rewrite(const char *path, const char *to_syntax, const struct dicom_change *changes, size_t count,
                              const char *charset, int out_fd, uint64_t bytes_max, uint64_t *out_size, struct err *err)
{
	return dicom_guard(err, [&] {
		Writer writer(out_fd, bytes_max);
		struct target to = {to_syntax, changes, count, charset};

		if (!transcode(path, to, writer, err))
			return false;
		*out_size = writer.done();
		return true;
	});
}
